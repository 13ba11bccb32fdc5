metadata description = 'A page about the fleet, from the lines that the app writes.'

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Name of the app, as its telemetry carries it.')
param appName string

@description('Required. Log Analytics workspace that is asked.')
param workspaceId string

@description('Required. Name of the environment, for the title.')
param environmentName string

var panels = [
  {
    title: 'The fleet by time left'
    query: loadTextContent('watch/board-fleet.kql')
    shown: 'barchart'
  }
  {
    title: 'New versions, and who made them'
    query: loadTextContent('watch/board-renewed.kql')
    shown: 'table'
  }
  {
    title: 'Renewals that fail, and why'
    query: loadTextContent('watch/board-failures.kql')
    shown: 'table'
  }
  {
    title: 'Sweeps'
    query: loadTextContent('watch/board-sweeps.kql')
    shown: 'table'
  }
  {
    title: 'Deliveries'
    query: loadTextContent('watch/board-deliveries.kql')
    shown: 'timechart'
  }
  {
    title: 'Hours from due to renewed'
    query: loadTextContent('watch/board-due-to-renewed.kql')
    shown: 'table'
  }
]

var board = [
  for panel in panels: {
    type: 3
    name: panel.title
    content: {
      version: 'KqlItem/1.0'
      query: replace(panel.query, '##APP##', appName)
      size: 0
      title: panel.title
      timeContext: {
        durationMs: 2592000000
      }
      queryType: 0
      resourceType: 'microsoft.operationalinsights/workspaces'
      visualization: panel.shown
    }
  }
]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, environmentName, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Perennial ${environmentName}'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: string({
      version: 'Notebook/1.0'
      items: board
      fallbackResourceIds: [
        workspaceId
      ]
    })
  }
}

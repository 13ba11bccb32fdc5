metadata description = 'What a system topic tells: failed deliveries in the log, and an alert for events that were dead-lettered or dropped.'

@description('Required. Name of the system topic.')
param name string

@description('Required. Name of the diagnostic settings.')
param diagnosticsName string

@description('Required. Log Analytics workspace for diagnostics.')
param workspaceId string

@description('Required. Action group that alerts go to.')
param actionGroupId string

@description('Required. Tags.')
param tags object

var losses = [
  {
    metric: 'DeadLetteredCount'
    says: 'An event of a vault could not be delivered and lies in the container dead-letter. The daily sweep finds what it was about.'
  }
  {
    metric: 'DroppedEventCount'
    says: 'An event of a vault was dropped. The daily sweep finds what it was about.'
  }
]

resource systemTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: name
}

resource failures 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: systemTopic
  name: diagnosticsName
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'DeliveryFailures'
        enabled: true
      }
    ]
  }
}

resource lost 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for loss in losses: {
    name: '${diagnosticsName}-${name}-${loss.metric}'
    location: 'global'
    tags: tags
    properties: {
      description: loss.says
      severity: 2
      enabled: true
      scopes: [
        systemTopic.id
      ]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: loss.metric
            metricNamespace: 'Microsoft.EventGrid/systemTopics'
            metricName: loss.metric
            operator: 'GreaterThan'
            threshold: 0
            timeAggregation: 'Total'
          }
        ]
      }
      actions: [
        {
          actionGroupId: actionGroupId
        }
      ]
    }
  }
]

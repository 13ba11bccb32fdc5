metadata description = 'The Event Grid topic that dependent services subscribe to: CloudEvents, identities only.'

@description('Required. Name of the topic.')
param name string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Whether publishers come by a private endpoint only.')
param private bool

@description('Required. Log Analytics workspace for diagnostics.')
param workspaceId string

resource topic 'Microsoft.EventGrid/topics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    inputSchema: 'CloudEventSchemaV1_0'
    disableLocalAuth: true
    minimumTlsVersionAllowed: '1.2'
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
  }
}

resource failures 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: topic
  name: 'perennial'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'DeliveryFailures'
        enabled: true
      }
      {
        category: 'PublishFailures'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the topic.')
output id string = topic.id

@description('Where notices are published.')
output endpoint string = topic.properties.endpoint

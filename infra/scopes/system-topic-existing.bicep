metadata description = 'The system topic that a vault has already: looked at, never declared again.'

@description('Required. Name of the system topic.')
param name string

@description('Required. Resource id of the vault.')
param vaultId string

@description('Required. Name of the diagnostic settings.')
param diagnosticsName string

@description('Required. Log Analytics workspace for diagnostics.')
param workspaceId string

@description('Required. Action group that alerts go to.')
param actionGroupId string

@description('Required. Tags.')
param tags object

resource systemTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: name
}

var checked = toLower(systemTopic.properties.source) == toLower(vaultId)
  ? systemTopic.name
  : fail('The system topic ${name} belongs to another source, not to ${vaultId}. See: az eventgrid system-topic list --query "[].{id:id, source:source}"')

module watch 'system-topic-watch.bicep' = {
  params: {
    name: checked
    diagnosticsName: diagnosticsName
    workspaceId: workspaceId
    actionGroupId: actionGroupId
    tags: tags
  }
}

@description('Object id of the system topic.')
output principalId string = systemTopic.?identity.?principalId ?? fail('The system topic ${name} has no system-assigned identity, with which it writes dead letters: az eventgrid system-topic update --name ${name} --resource-group ${resourceGroup().name} --identity systemassigned')

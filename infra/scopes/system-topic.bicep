metadata description = 'The system topic of a vault, beside the vault.'

@description('Required. Name of the system topic.')
param name string

@description('Required. Region of the vault.')
param location string

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

resource systemTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  // System-assigned: behind a firewall of the storage account no other identity of a topic is let through.
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: vaultId
    topicType: 'Microsoft.KeyVault.vaults'
  }
}

module watch 'system-topic-watch.bicep' = {
  params: {
    name: systemTopic.name
    diagnosticsName: diagnosticsName
    workspaceId: workspaceId
    actionGroupId: actionGroupId
    tags: tags
  }
}

@description('Object id of the system topic.')
output principalId string = systemTopic.identity.principalId

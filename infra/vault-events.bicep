metadata description = 'One vault of the fleet, at its own resource group: is it ours to read, its system topic, its audit log.'

@description('Required. Name of the vault.')
param vaultName string

@description('Required. Resource id of the system topic that the vault has already; empty: one is made.')
param systemTopicId string

@description('Required. Name that the system topic gets if it is made.')
param systemTopicName string

@description('Required. Name of the diagnostic settings: one installation, one name.')
param diagnosticsName string

@description('Required. Whether the audit log of the vault goes to the workspace.')
param auditLog bool

@description('Required. Log Analytics workspace for diagnostics.')
param workspaceId string

@description('Required. Action group that alerts go to.')
param actionGroupId string

@description('Required. Tags.')
param tags object

var made = empty(systemTopicId)
var parts = split(systemTopicId, '/')

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

// With access policies instead of roles, the role that is assigned here would have no effect, and every look would end in a 403.
var readable = vault.properties.?enableRbacAuthorization ?? false
  ? vault.id
  : fail('The vault ${vaultName} uses access policies. Move it to roles first: az keyvault update --name ${vaultName} --enable-rbac-authorization true')

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (auditLog) {
  scope: vault
  name: diagnosticsName
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

// Resource Manager takes no value read from a resource as a location, but one that is a parameter: hence modules.
module own 'scopes/system-topic.bicep' = if (made) {
  params: {
    name: systemTopicName
    location: vault.location
    vaultId: readable
    diagnosticsName: diagnosticsName
    workspaceId: workspaceId
    actionGroupId: actionGroupId
    tags: tags
  }
}

module found 'scopes/system-topic-existing.bicep' = if (!made) {
  scope: resourceGroup(made ? subscription().subscriptionId : parts[2], made ? resourceGroup().name : parts[4])
  params: {
    name: made ? systemTopicName : last(parts)
    vaultId: readable
    diagnosticsName: diagnosticsName
    workspaceId: workspaceId
    actionGroupId: actionGroupId
    tags: tags
  }
}

@description('Object id of the system topic: it writes dead letters, and events to the queue.')
output principalId string = made ? own!.outputs.principalId : found!.outputs.principalId

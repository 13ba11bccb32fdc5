metadata description = 'Gives the role of the page of roles on one vault.'

@description('Required. Name of the vault.')
param vaultName string

@description('Required. Object id of the identity of the app.')
param principalId string

@description('Required. GUID of the role.')
param roleName string

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, principalId, roleName)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleName)
  }
}

metadata description = 'The definition of the role that the page of roles gives on vaults.'

@description('Required. GUID of the definition.')
param name string

@description('Required. What people read; unique in the tenant.')
param roleName string

@description('Required. The data actions.')
param dataActions string[]

@description('Required. Resource groups in which it may be given.')
param assignableScopes string[]

resource renewer 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: name
  properties: {
    roleName: roleName
    description: 'Reads, creates, merges and updates certificates. No secrets, no keys, nothing is deleted or purged.'
    type: 'CustomRole'
    assignableScopes: assignableScopes
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: dataActions
        notDataActions: []
      }
    ]
  }
}

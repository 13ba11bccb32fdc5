metadata description = 'The definition of a role of the page of roles, for whatever it is given on.'

@description('Required. GUID of the definition.')
param name string

@description('Required. What people read; unique in the tenant.')
param roleName string

@description('Required. What it is for, in a sentence.')
param purpose string

@description('Required. The actions.')
param actions string[]

@description('Required. The data actions.')
param dataActions string[]

@description('Required. Resource groups in which it may be given.')
param assignableScopes string[]

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: name
  properties: {
    roleName: roleName
    description: purpose
    type: 'CustomRole'
    assignableScopes: assignableScopes
    permissions: [
      {
        actions: actions
        notActions: []
        dataActions: dataActions
        notDataActions: []
      }
    ]
  }
}

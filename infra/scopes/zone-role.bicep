metadata description = 'Gives the role of the page of roles on one zone of Azure DNS.'

@description('Required. Name of the zone.')
param zoneName string

@description('Required. Object id of the identity of the app.')
param principalId string

@description('Required. GUID of the role.')
param roleName string

resource zone 'Microsoft.Network/dnsZones@2018-05-01' existing = {
  name: zoneName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: zone
  name: guid(zone.id, principalId, roleName)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleName)
  }
}

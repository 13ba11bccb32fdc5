metadata description = 'Lets networks see one private DNS zone.'

@description('Required. Name of the zone.')
param zoneName string

@description('Required. Resource ids of the networks.')
param networkIds string[]

@description('Required. Tags.')
param tags object

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' existing = {
  name: zoneName
}

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for id in networkIds: {
    parent: zone
    name: 'perennial-${uniqueString(id)}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: id
      }
    }
  }
]

metadata description = 'Private endpoints: how an isolated app is reached, and how it reaches storage, the topic and vaults.'

import { endpointType } from 'types.bicep'

@description('Required. Region of the subnet.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Subnet for the endpoints.')
param subnetId string

@description('Required. What is reached.')
param endpoints endpointType[]

@description('Required. Resource id of the private DNS zone by group; a group without one gets no record, which is then for a policy of the hub to make.')
param zoneIds object

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2024-07-01' = [
  for endpoint in endpoints: {
    name: 'pe-${endpoint.group}-${uniqueString(endpoint.targetId)}'
    location: location
    tags: tags
    properties: {
      subnet: {
        id: subnetId
      }
      privateLinkServiceConnections: [
        {
          name: endpoint.group
          properties: {
            privateLinkServiceId: endpoint.targetId
            groupIds: [
              endpoint.group
            ]
          }
        }
      ]
    }
  }
]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = [
  for (endpoint, i) in endpoints: if (!empty(zoneIds[?endpoint.group] ?? '')) {
    parent: privateEndpoints[i]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: endpoint.group
          properties: {
            privateDnsZoneId: zoneIds[endpoint.group]
          }
        }
      ]
    }
  }
]

metadata description = 'The network of an isolated app: its own subnets and private DNS zones, as far as nobody else owns them.'

import { networkType } from 'types.bicep'

@description('Required. Name of the network.')
param name string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. `flex` or `premium`: who the subnet of the app is delegated to.')
param hosting string

@description('Required. What is there already or made by others.')
param network networkType

@description('Required. Names of private DNS zones that no function of Bicep knows: sites, topic, vault.')
param zones object

@description('Required. Whether vaults are reached by private endpoints.')
param reachesVaults bool

var createNetwork = empty(network.?integrationSubnetId ?? '')
var addressPrefix = network.?addressPrefix ?? '10.90.0.0/24'
var given = network.?privateDnsZoneIds ?? {}
var groups = union(['blob', 'queue', 'table', 'topic', 'sites'], reachesVaults ? ['vault'] : [])
var createZones = (network.?createEndpoints ?? true) && (network.?createDnsZones ?? true)
var groupsMade = filter(groups, group => createZones && empty(given[?group] ?? ''))
var groupsGiven = filter(groups, group => !empty(given[?group] ?? ''))
var zoneNames = union(zones, {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
})
var networksGiven = map(
  [network.?integrationSubnetId ?? '', network.?endpointSubnetId ?? ''],
  id => join(take(split(id, '/'), 9), '/')
)
var delegation = hosting == 'flex' ? 'Microsoft.App/environments' : 'Microsoft.Web/serverFarms'

resource made 'Microsoft.Network/virtualNetworks@2024-07-01' = if (createNetwork) {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressPrefix
      ]
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 25, 0)
          defaultOutboundAccess: true
          delegations: [
            {
              name: 'app'
              properties: {
                serviceName: delegation
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 25, 1)
          defaultOutboundAccess: false
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }
}

resource dnsZones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for group in groupsMade: {
    name: zoneNames[group]
    location: 'global'
    tags: tags
  }
]

module links 'scopes/zone-links.bicep' = [
  for (group, i) in groupsMade: {
    name: 'links-${group}'
    params: {
      zoneName: dnsZones[i].name
      networkIds: createNetwork ? [made.id] : union(networksGiven, networksGiven)
      tags: tags
    }
  }
]

@description('Subnet for the app.')
output integrationSubnetId string = createNetwork ? '${made.id}/subnets/app' : network.?integrationSubnetId ?? ''

@description('Subnet for private endpoints.')
output endpointSubnetId string = createNetwork ? '${made.id}/subnets/endpoints' : network.?endpointSubnetId ?? ''

@description('Resource id of the private DNS zone by group, where there is one.')
output zoneIds object = union(
  toObject(groupsGiven, group => group, group => given[group]),
  toObject(groupsMade, group => group, group => resourceId('Microsoft.Network/privateDnsZones', zoneNames[group]))
)

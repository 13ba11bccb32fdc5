metadata description = 'What the list of vaults comes to: for the app, for the second deployment, for the network.'

import { authorityType, endpointType, newVaultType, subscribedVaultType, vaultType, zoneType } from 'types.bicep'

@export()
@description('Return the vault to make as one of the fleet; empty: none is made.')
func madeOf(vault newVaultType, subscriptionId string, groupName string, isolated bool) vaultType[] =>
  empty(vault.?name ?? '')
    ? []
    : [
        {
          id: '/subscriptions/${subscriptionId}/resourceGroups/${groupName}/providers/Microsoft.KeyVault/vaults/${vault.?name ?? ''}'
          mode: vault.?mode ?? 'observe'
          reach: isolated ? 'createPrivateEndpoint' : 'public'
        }
      ]

@export()
@description('Return whether an account with a CA is needed, and so a vault for its key.')
func hasAccounts(authorities authorityType[]) bool =>
  !empty(filter(authorities, one => (one.?kind ?? 'acme') == 'acme'))

@export()
@description('Return the vaults with their modes, as the app reads them.')
func modesOf(vaults vaultType[]) string =>
  join(map(vaults, vault => '${toLower(last(split(vault.id, '/')))}=${vault.?mode ?? 'observe'}'), ' ')

@export()
@description('Return the vaults with their system topics: the one that is named, else the one that is made beside the vault.')
func subscribedOf(vaults vaultType[]) subscribedVaultType[] =>
  map(vaults, vault => {
    vault: last(split(vault.id, '/'))
    systemTopicId: vault.?systemTopicId ?? '${join(take(split(vault.id, '/'), 5), '/')}/providers/Microsoft.EventGrid/systemTopics/perennial-${toLower(last(split(vault.id, '/')))}'
  })

@export()
@description('Return the private endpoints of an isolated app.')
func endpointsOf(storageId string, topicId string, siteId string, vaultIds string[]) endpointType[] =>
  concat(
    [
      { group: 'blob', targetId: storageId }
      { group: 'queue', targetId: storageId }
      { group: 'table', targetId: storageId }
      { group: 'topic', targetId: topicId }
      { group: 'sites', targetId: siteId }
    ],
    map(vaultIds, id => { group: 'vault', targetId: id })
  )

@export()
@description('Return the zones of Azure DNS, by their resource ids. One whose options do not say where it is has no id.')
func azureZonesOf(zones zoneType[]) string[] =>
  map(
    filter(zones, zone => zone.provider == 'azure' && isPlaced(zone)),
    zone => '/subscriptions/${zone.?options.?subscription ?? ''}/resourceGroups/${zone.?options.?resource_group ?? ''}/providers/Microsoft.Network/dnsZones/${zone.zone}'
  )

@export()
@description('Return the names of the zones of Azure DNS whose options do not say where they are.')
func unplacedOf(zones zoneType[]) string[] =>
  map(filter(zones, zone => zone.provider == 'azure' && !isPlaced(zone)), zone => zone.zone)

@description('Return whether the options of a zone of Azure DNS say where it is.')
func isPlaced(zone zoneType) bool =>
  !empty(zone.?options.?subscription ?? '') && !empty(zone.?options.?resource_group ?? '')

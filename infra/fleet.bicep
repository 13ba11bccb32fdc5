metadata description = 'What the list of vaults comes to: for the app, for the second deployment, for the network.'

import { endpointType, subscribedVaultType, vaultType } from 'types.bicep'

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
func endpointsOf(storageId string, topicId string, siteId string, vaults vaultType[]) endpointType[] =>
  concat(
    [
      { group: 'blob', targetId: storageId }
      { group: 'queue', targetId: storageId }
      { group: 'table', targetId: storageId }
      { group: 'topic', targetId: topicId }
      { group: 'sites', targetId: siteId }
    ],
    map(vaults, vault => { group: 'vault', targetId: vault.id })
  )

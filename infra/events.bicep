metadata name = 'Perennial: events'
metadata description = 'The second deployment, after the code: Event Grid accepts a function only once the app has loaded it.'

targetScope = 'subscription'

import { wiringType } from 'types.bicep'

@description('Required. What the first deployment gave as its output PERENNIAL_WIRING.')
param wiring wiringType

module subscriptions 'scopes/event-subscriptions.bicep' = [
  for vault in wiring.vaults: {
    name: 'perennial-events-${uniqueString(vault.vault, wiring.environmentName)}'
    scope: resourceGroup(split(vault.systemTopicId, '/')[2], split(vault.systemTopicId, '/')[4])
    params: {
      environmentName: wiring.environmentName
      systemTopicName: last(split(vault.systemTopicId, '/'))
      functionAppId: wiring.functionAppId
      storageAccountId: wiring.storageAccountId
      byQueue: wiring.byQueue
    }
  }
]

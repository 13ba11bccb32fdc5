metadata description = 'Every role that anybody is given, one a line. There is no other role assignment in this deployment.'

@description('Required. Name of the environment.')
param environmentName string

@description('Required. Object id of the identity of the app.')
param appPrincipalId string

@description('Required. Object ids of the system topics of the vaults.')
param systemTopicPrincipalIds string[]

@description('Required. Whether events go to the storage queue.')
param byQueue bool

@description('Required. Resource ids of the vaults.')
param vaultIds string[]

@description('Required. Resource id of a role that is there already and is given on the vaults; empty: the role of this page is defined.')
param roleDefinitionId string

@description('Required. Name of the vault with the keys of accounts; empty: there is none.')
param keysName string

@description('Required. Resource ids of zones of Azure DNS.')
param zoneIds string[]

@description('Required. Name of the storage account.')
param storageName string

@description('Required. Name of the topic.')
param topicName string

@description('Required. Name of Application Insights.')
param insightsName string

// Azure: built-in roles.
var roles = {
  'DNS Zone Contributor': 'befefa01-2a29-4197-83a8-272ff33ce314'
  'EventGrid Data Sender': 'd5a91429-5739-47e2-a06b-3470a27159e7'
  'Key Vault Crypto Officer': '14b46e9e-c2b7-41b4-b07b-48a6ebf60603'
  'Monitoring Metrics Publisher': '3913510d-42f4-4e42-8a64-420c390055eb'
  'Storage Blob Data Contributor': 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  'Storage Blob Data Owner': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  'Storage Queue Data Contributor': '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  'Storage Queue Data Message Sender': 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
  'Storage Table Data Contributor': '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}

// ---- The page: who, what, on what. -------------------------------------------------------------------------------------------
var appOnAccount = [
  'Storage Blob Data Owner' // leases and keys of the Functions host, the package
  'Storage Queue Data Contributor' // messages to ourselves, and events that come by the queue
  'Storage Table Data Contributor' // the rows
]
var appOnTopic = ['EventGrid Data Sender'] // notices
var appOnInsights = ['Monitoring Metrics Publisher'] // telemetry
var systemTopicsOnDeadLetters = ['Storage Blob Data Contributor'] // what could not be delivered
var systemTopicsOnQueue = byQueue ? ['Storage Queue Data Message Sender'] : [] // what happened in a vault, where it cannot be pushed
var appOnVaults = [
  // Three of the data actions on certificates; none on secrets and keys, none that deletes, purges, imports or exports.
  'Microsoft.KeyVault/vaults/certificates/read'
  'Microsoft.KeyVault/vaults/certificates/create/action'
  'Microsoft.KeyVault/vaults/certificates/update/action'
]
var appOnKeys = [
  // Reading, making and signing with keys of its own; none is exported, deleted or purged. No built-in role has create without delete.
  'Microsoft.KeyVault/vaults/keys/read'
  'Microsoft.KeyVault/vaults/keys/create/action'
  'Microsoft.KeyVault/vaults/keys/sign/action'
]
var appOnZones = [
  // TXT values of challenges, and no other record.
  'Microsoft.Network/dnsZones/TXT/read'
  'Microsoft.Network/dnsZones/TXT/write'
  'Microsoft.Network/dnsZones/TXT/delete'
]
var instead = {
  // For whoever may not define roles and names one for the vaults: wider ones that are there.
  keys: 'Key Vault Crypto Officer'
  zones: 'DNS Zone Contributor'
}
// ------------------------------------------------------------------------------------------------------------------------------

var renewerName = guid(tenant().tenantId, environmentName, 'perennial')
var signerName = guid(tenant().tenantId, environmentName, 'perennial-account-keys')
var writerName = guid(tenant().tenantId, environmentName, 'perennial-txt-records')
var zoneScopes = [for id in zoneIds: join(take(split(id, '/'), 5), '/')]
var here = resourceGroup().id
var defines = empty(roleDefinitionId)
var vaultScopes = [for id in vaultIds: join(take(split(id, '/'), 5), '/')]

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource deadLetters 'containers' existing = {
      name: 'dead-letter'
    }
  }

  resource queueService 'queueServices' existing = {
    name: 'default'

    resource vaultEvents 'queues' existing = {
      name: 'vault-events'
    }
  }
}

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: topicName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource onAccount 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in appOnAccount: {
    scope: account
    name: guid(account.id, appPrincipalId, roles[role])
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[role])
    }
  }
]

resource onTopic 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in appOnTopic: {
    scope: topic
    name: guid(topic.id, appPrincipalId, roles[role])
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[role])
    }
  }
]

resource onInsights 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in appOnInsights: {
    scope: insights
    name: guid(insights.id, appPrincipalId, roles[role])
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[role])
    }
  }
]

var deadLetterWriters = [
  for pair in flatten(map(systemTopicPrincipalIds, who => map(systemTopicsOnDeadLetters, role => '${who}|${role}'))): split(pair, '|')
]

resource onDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for writer in deadLetterWriters: {
    scope: account::blobs::deadLetters
    name: guid(account::blobs::deadLetters.id, writer[0], roles[writer[1]])
    properties: {
      principalId: writer[0]
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[writer[1]])
    }
  }
]

var eventSenders = [
  for pair in flatten(map(systemTopicPrincipalIds, who => map(systemTopicsOnQueue, role => '${who}|${role}'))): split(pair, '|')
]

resource onQueue 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for sender in eventSenders: {
    scope: account::queueService::vaultEvents
    name: guid(account::queueService::vaultEvents.id, sender[0], roles[sender[1]])
    properties: {
      principalId: sender[0]
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[sender[1]])
    }
  }
]

// Role definitions belong to the tenant; each is written at one of its assignable scopes.
module renewer 'scopes/renewer-role.bicep' = if (empty(roleDefinitionId) && !empty(vaultIds)) {
  scope: resourceGroup(empty(vaultIds) ? subscription().subscriptionId : split(vaultIds[0], '/')[2], empty(vaultIds) ? resourceGroup().name : split(vaultIds[0], '/')[4])
  params: {
    name: renewerName
    roleName: 'Perennial Certificate Renewer (${environmentName})'
    dataActions: appOnVaults
    assignableScopes: union(vaultScopes, vaultScopes)
  }
}

module onVaults 'scopes/vault-role.bicep' = [
  for id in vaultIds: {
    name: 'role-${uniqueString(id)}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      vaultName: last(split(id, '/'))
      principalId: appPrincipalId
      roleName: empty(roleDefinitionId) ? renewerName : last(split(roleDefinitionId, '/'))
    }
    dependsOn: [
      renewer
    ]
  }
]

resource keys 'Microsoft.KeyVault/vaults@2026-02-01' existing = if (!empty(keysName)) {
  name: empty(keysName) ? 'none' : keysName
}

module signer 'scopes/defined-role.bicep' = if (defines && !empty(keysName)) {
  name: 'role-account-keys'
  params: {
    name: signerName
    roleName: 'Perennial Account Keys (${environmentName})'
    purpose: 'Reads, makes and signs with the keys of accounts with CAs. Nothing is exported, deleted or purged.'
    actions: []
    dataActions: appOnKeys
    assignableScopes: [here]
  }
}

resource onKeys 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(keysName)) {
  scope: keys
  name: guid(keys.id, appPrincipalId, defines ? signerName : roles[instead.keys])
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', defines ? signerName : roles[instead.keys])
  }
  dependsOn: [
    signer
  ]
}

module writer 'scopes/defined-role.bicep' = if (defines && !empty(zoneIds)) {
  name: 'role-txt-records'
  scope: resourceGroup(empty(zoneIds) ? subscription().subscriptionId : split(zoneIds[0], '/')[2], empty(zoneIds) ? resourceGroup().name : split(zoneIds[0], '/')[4])
  params: {
    name: writerName
    roleName: 'Perennial TXT Records (${environmentName})'
    purpose: 'Reads, writes and deletes TXT records of DNS zones. No other record, and no zone.'
    actions: appOnZones
    dataActions: []
    assignableScopes: union(zoneScopes, zoneScopes)
  }
}

module onZones 'scopes/zone-role.bicep' = [
  for id in zoneIds: {
    name: 'role-${uniqueString(id)}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      zoneName: last(split(id, '/'))
      principalId: appPrincipalId
      roleName: defines ? writerName : roles[instead.zones]
    }
    dependsOn: [
      writer
    ]
  }
]

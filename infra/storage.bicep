metadata description = 'Storage without keys: the rows, the queues, the package of the app, dead-lettered events, and what the Functions host keeps.'

@description('Required. Name of the account.')
param name string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Redundancy.')
param sku string

@description('Required. Whether only private endpoints and trusted Azure services may come in.')
param private bool

@description('Required. Log Analytics workspace for diagnostics.')
param workspaceId string

// A test compares these lists with the code: every queue, each with the one that Functions moves what failed to, and every table.
var queueNames = [
  'looks'
  'looks-poison'
  'notices'
  'notices-poison'
  'sweeps'
  'sweeps-poison'
  'vault-events'
  'vault-events-poison'
]

var tableNames = [
  'authorities'
  'deliveries'
  'findings'
  'history'
  'inventory'
  'renewals'
  'subscriptions'
  'sweeps'
  'vaults'
]

var containerNames = [
  'app-package'
  'dead-letter'
]

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    // Isolated is "enabled, and every address denied", not "disabled": Event Grid comes in as a trusted service, to the queue and the dead letters.
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: private ? 'Deny' : 'Allow'
    }
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = [
  for container in containerNames: {
    parent: blobs
    name: container
    properties: {
      publicAccess: 'None'
    }
  }
]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-01-01' = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' = [
  for queue in queueNames: {
    parent: queueService
    name: queue
  }
]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-01-01' = {
  parent: account
  name: 'default'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-01-01' = [
  for table in tableNames: {
    parent: tableService
    name: table
  }
]

// Deletes and writes of blobs and deletes of rows are rare here and worth a line; queues are polled millions of times a month, so they give only their sums.
resource blobLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'perennial'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

resource tableLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: tableService
  name: 'perennial'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

resource queueLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: queueService
  name: 'perennial'
  properties: {
    workspaceId: workspaceId
    metrics: [
      {
        category: 'Transaction'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the account.')
output id string = account.id

@description('Endpoint of blobs.')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('Endpoint of queues.')
output queueEndpoint string = account.properties.primaryEndpoints.queue

@description('Endpoint of tables.')
output tableEndpoint string = account.properties.primaryEndpoints.table

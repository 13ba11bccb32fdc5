metadata description = 'The vault of the app\'s own, for the keys of its accounts with CAs. Nothing else is in it, and no key leaves it.'

@description('Required. Name of the vault, unique in the cloud.')
param name string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Whether it is reached by a private endpoint only.')
param private bool

@description('Required. Log Analytics workspace for its audit log.')
param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enablePurgeProtection: true // a lost account is a new account with the CA, and its history of issuance is gone
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: private ? 'None' : 'AzureServices'
      defaultAction: private ? 'Deny' : 'Allow'
    }
  }
}

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'perennial'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'AuditEvent' // every signature
        enabled: true
      }
    ]
  }
}

@description('Resource id of the vault.')
output id string = vault.id

@description('Address of the vault, as the app reads it.')
output uri string = vault.properties.vaultUri

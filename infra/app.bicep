metadata description = 'The function app: its settings, its plan, its locks. The host, the app and telemetry sign in with one identity.'

import { alwaysReadyType, authorityType, zoneType } from 'types.bicep'

@description('Required. Part of every name.')
param token string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. `flex`: Flex Consumption. `premium`: Elastic Premium, where Flex does not exist.')
param hosting string

@description('Required. Memory of an instance of Flex Consumption, in MB.')
param instanceMemoryMB int

@description('Required. Most instances.')
param maximumInstanceCount int

@description('Required. Instances that run without being woken.')
param alwaysReady alwaysReadyType[]

@description('Required. Resource id of the identity.')
param identityId string

@description('Required. Client id of the identity.')
param identityClientId string

@description('Required. Endpoint of blobs.')
param blobEndpoint string

@description('Required. Endpoint of queues.')
param queueEndpoint string

@description('Required. Endpoint of tables.')
param tableEndpoint string

@description('Required. Where notices are published.')
param topicEndpoint string

@description('Required. Where telemetry is sent.')
param insightsConnection string

@description('Required. The vaults with their modes, as the app reads them.')
param vaults string

@description('Required. Role that the app is given on the vaults; empty: the one that is defined here.')
param roleOnVaults string

@description('Required. CAs, as the app reads them.')
param authorities authorityType[]

@description('Required. Zones that TXT values are written to, as the app reads them.')
param zones zoneType[]

@description('Required. Address of the vault with the keys of accounts; empty: none.')
param keysUri string

@description('Required. The cloud, as the app names it.')
param cloudSetting string

@description('Required. Further settings of the app.')
param moreSettings object

@description('Required. Identifiers of secrets in a vault, by the name of the setting that receives the value.')
param keyVaultReferences object

@description('Required. Client id of the app registration; empty: function keys guard the API.')
param signInClientId string

@description('Required. Tenant of the people who sign in.')
param signInTenantId string

@description('Required. Whether the path of the Event Grid webhook is exempt from sign-in.')
param excludeEventWebhook bool

@description('Required. Whether only private endpoints lead in.')
param private bool

@description('Required. Subnet of the app; empty: none.')
param subnetId string

var signsIn = !empty(signInClientId)
var package = '${blobEndpoint}app-package'

// Connections by identity. Endpoints instead of the account's name: from the name the host would make an address of the public cloud.
var ofTheHost = {
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__queueServiceUri: queueEndpoint
  AzureWebJobsStorage__tableServiceUri: tableEndpoint
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection
  PYTHON_THREADPOOL_THREAD_COUNT: '32' // more than the 24 messages that an instance takes at once: an invocation waits for services, not for a processor
}

// Two triggers name these settings, so that they must be there; further settings may say otherwise.
var defaults = {
  PERENNIAL_DUE_SCHEDULE: '0 * * * * *'
  PERENNIAL_SWEEP_SCHEDULE: '0 0 3 * * *'
}

var ofTheApp = {
  PERENNIAL_CLIENT_ID: identityClientId
  PERENNIAL_CLOUD: cloudSetting
  PERENNIAL_INSTANCE: 'perennial-${token}'
  PERENNIAL_QUEUES: queueEndpoint
  PERENNIAL_ROLE: last(split(roleOnVaults, '/')) // one that can delete or purge is warned of in the log
  PERENNIAL_SIGN_IN: signsIn ? 'true' : 'false'
  PERENNIAL_TABLES: tableEndpoint
  PERENNIAL_TOPIC: topicEndpoint
  PERENNIAL_VAULTS: vaults
}

// Arrays, which the app reads as JSON.
var ofCas = union(
  empty(authorities) ? {} : { PERENNIAL_AUTHORITIES: string(authorities) },
  empty(zones) ? {} : { PERENNIAL_ZONES: string(zones) },
  empty(keysUri) ? {} : { PERENNIAL_KEYS: keysUri }
)

// Elastic Premium runs the package from its container, by identity: without a file share, which could only be reached with a key.
var ofPremium = {
  FUNCTIONS_EXTENSION_VERSION: '~4'
  FUNCTIONS_WORKER_RUNTIME: 'python'
  WEBSITE_RUN_FROM_PACKAGE: '${package}/released.zip'
  WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID: identityId
}

var secrets = toObject(items(keyVaultReferences), item => item.key, item => '@Microsoft.KeyVault(SecretUri=${item.value})')
var settings = union(defaults, moreSettings, secrets, ofTheHost, ofCas, ofTheApp)

module flex 'scopes/app-flex.bicep' = if (hosting == 'flex') {
  params: {
    siteName: 'func-${token}'
    planName: 'plan-${token}'
    location: location
    tags: tags
    identityId: identityId
    packageUrl: package
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReady: alwaysReady
    settings: settings
    private: private
    subnetId: subnetId
  }
}

module premium 'scopes/app-premium.bicep' = if (hosting == 'premium') {
  params: {
    siteName: 'func-${token}'
    planName: 'plan-${token}'
    location: location
    tags: tags
    identityId: identityId
    maximumInstanceCount: maximumInstanceCount
    settings: union(settings, ofPremium)
    private: private
    subnetId: subnetId
  }
}

module locks 'scopes/app-locks.bicep' = {
  params: {
    siteName: hosting == 'flex' ? flex!.outputs.name : premium!.outputs.name
    signInClientId: signInClientId
    signInTenantId: signInTenantId
    excludedPaths: union(['/api/health'], excludeEventWebhook ? ['/runtime/webhooks/eventgrid'] : [])
  }
}

@description('Resource id of the app.')
output id string = hosting == 'flex' ? flex!.outputs.id : premium!.outputs.id

@description('Name of the app.')
output name string = hosting == 'flex' ? flex!.outputs.name : premium!.outputs.name

@description('Host name of the app.')
output hostName string = hosting == 'flex' ? flex!.outputs.hostName : premium!.outputs.hostName

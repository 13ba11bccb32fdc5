metadata name = 'Perennial'
metadata description = 'The first deployment: everything but the event subscriptions, which events.bicep makes once the code is there.'

targetScope = 'subscription'
import { authorityType, networkType, newVaultType, planType, signInType, vaultType, watchingType, wiringType, zoneType } from 'types.bicep'
import { faultsOf } from 'checks.bicep'
import { azureZonesOf, endpointsOf, hasAccounts, madeOf, modesOf, subscribedOf, unplacedOf } from 'fleet.bicep'

@description('Required. Name of the environment: letters, digits and dashes.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Required. Region of everything but system topics, which stand where their vaults are.')
@minLength(1)
param location string

@description('Optional. The cloud that the parameter file is written for; another one is refused.')
param cloud string = environment().name

@description('Optional. Tags for every resource.')
param tags object = {}

// ---- The fleet ----
@description('Required. The vaults.')
@maxLength(400)
param vaults vaultType[]

@description('Optional. A vault to make and look after.')
param newVault newVaultType = {}

@description('Optional. Resource id of a role to give on the vaults, for whoever may not define roles; empty: a role with three data actions is defined.')
param roleDefinitionId string = ''

@description('Optional. CAs that sign CSRs made by Key Vault: see docs/acme.md.')
param authorities authorityType[] = []

@description('Optional. Zones of the DNS that TXT values may be written to.')
param zones zoneType[] = []

// ---- The app ----
@description('Optional. What the app runs on.')
param plan planType = {}

@description('Optional. Further settings of the app, by their names: see docs/settings.md.')
param settings object = {}

@description('Optional. Identifiers of secrets in a vault, by the name of the setting that receives the value: signing secrets of webhooks.')
param keyVaultReferences object = {}

@description('Optional. How people sign in to the API.')
param signIn signInType = {}

@description('Optional. Where logs go and whom alerts reach.')
param watching watchingType = {}

@description('Optional. Address that alerts are posted to.')
@secure()
param alertWebhook string = ''

@description('Optional. Whether the app is reached, and reaches storage and topic, by private endpoints only.')
param networkIsolation bool = false

@description('Optional. Parts of the network that are there already or that others make.')
param network networkType = {}

// ---- Faults first: without the name of the group nothing has a place, and nothing is created ----
var wantedGroupName = 'rg-${environmentName}'
var made = madeOf(newVault, subscription().subscriptionId, wantedGroupName, networkIsolation)
var asked = concat(vaults, made)
var ids = map(asked, vault => vault.id)
var names = map(ids, id => toLower(last(split(id, '/'))))
var clouds = loadJsonContent('clouds.json')
var traits = clouds[?cloud] ?? clouds.AzureCloud
var hosting = plan.?hosting ?? 'flex'
var signInClientId = signIn.?clientId ?? ''
var faults = faultsOf({
  vaultIds: ids
  vaultNames: names
  systemTopicIds: map(asked, vault => vault.?systemTopicId ?? '')
  zonesWithoutPlace: unplacedOf(zones)
  cloud: cloud
  isKnown: contains(clouds, cloud)
  signedInTo: environment().name
  needsFlex: hosting == 'flex'
  hasFlex: traits.flex
  subnetsGiven: networkIsolation ? length(filter([network.?integrationSubnetId ?? '', network.?endpointSubnetId ?? ''], id => !empty(id))) : 0
})
var groupName = empty(faults) ? wantedGroupName : fail(join(faults, ' '))
var fleet = empty(faults) ? asked : []
var token = uniqueString(subscription().id, environmentName, location)
var allTags = union(tags, { 'azd-env-name': environmentName })
var byQueue = networkIsolation || (!empty(signInClientId) && !(signIn.?excludeEventWebhook ?? false))
var signsAccounts = hasAccounts(authorities)
var vaultsBehindEndpoints = filter(fleet, vault => networkIsolation && (vault.?reach ?? 'public') == 'createPrivateEndpoint')

module group 'br/public:avm/res/resources/resource-group:0.4.1' = {
  params: {
    name: groupName
    location: location
    tags: allTags
    enableTelemetry: false
  }
}

module identity 'identity.bicep' = {
  scope: resourceGroup(groupName)
  params: {
    name: 'id-${token}'
    location: location
    tags: allTags
  }
  dependsOn: [group]
}

module monitoring 'monitoring.bicep' = {
  scope: resourceGroup(groupName)
  params: {
    token: token
    location: location
    tags: allTags
    workspaceId: watching.?workspaceId ?? ''
    retentionInDays: watching.?retentionDays ?? 90
    dailyQuotaGb: watching.?dailyQuotaGb ?? -1
    emails: watching.?emails ?? []
    webhook: alertWebhook
  }
  dependsOn: [group]
}

module storage 'storage.bicep' = {
  scope: resourceGroup(groupName)
  params: {
    name: 'st${token}'
    location: location
    tags: allTags
    sku: plan.?storageSku ?? 'Standard_ZRS'
    private: networkIsolation
    workspaceId: monitoring.outputs.workspaceId
  }
}

module topic 'topic.bicep' = {
  scope: resourceGroup(groupName)
  params: {
    name: 'evgt-${token}'
    location: location
    tags: allTags
    private: networkIsolation
    workspaceId: monitoring.outputs.workspaceId
    actionGroupId: monitoring.outputs.actionGroupId
  }
}

module vaultMade 'new-vault.bicep' = if (!empty(made)) {
  scope: resourceGroup(groupName)
  params: {
    name: newVault.?name ?? ''
    location: location
    tags: allTags
    private: networkIsolation
  }
  dependsOn: [group]
}

module keys 'keys.bicep' = if (signsAccounts) {
  scope: resourceGroup(groupName)
  params: {
    name: 'kv-${token}'
    location: location
    tags: allTags
    private: networkIsolation
    workspaceId: monitoring.outputs.workspaceId
  }
}

module vaultEvents 'vault-events.bicep' = [
  for (vault, i) in fleet: {
    name: 'perennial-vault-${uniqueString(vault.id, token)}'
    scope: resourceGroup(split(vault.id, '/')[2], split(vault.id, '/')[4])
    params: {
      vaultName: last(split(vault.id, '/'))
      systemTopicId: vault.?systemTopicId ?? ''
      systemTopicName: 'perennial-${names[i]}'
      diagnosticsName: 'perennial-${token}'
      auditLog: watching.?vaultAuditLogs ?? true
      workspaceId: monitoring.outputs.workspaceId
      actionGroupId: monitoring.outputs.actionGroupId
      tags: allTags
    }
    dependsOn: [vaultMade]
  }
]

module roles 'roles.bicep' = {
  scope: resourceGroup(groupName)
  params: {
    environmentName: environmentName
    appPrincipalId: identity.outputs.principalId
    systemTopicPrincipalIds: [for i in range(0, length(fleet)): vaultEvents[i].outputs.principalId]
    byQueue: byQueue
    vaultIds: ids
    roleDefinitionId: roleDefinitionId
    keysName: signsAccounts ? last(split(keys!.outputs.id, '/')) : ''
    zoneIds: azureZonesOf(zones)
    storageName: last(split(storage.outputs.id, '/'))
    topicName: last(split(topic.outputs.id, '/'))
    insightsName: last(split(monitoring.outputs.insightsId, '/'))
  }
}

module subnets 'network.bicep' = if (networkIsolation) {
  scope: resourceGroup(groupName)
  params: {
    name: 'vnet-${token}'
    location: location
    tags: allTags
    hosting: hosting
    network: network
    zones: traits.zones
    reachesVaults: signsAccounts || !empty(vaultsBehindEndpoints)
  }
  dependsOn: [group]
}

module app 'app.bicep' = {
  scope: resourceGroup(groupName)
  params: {
    token: token
    location: location
    tags: allTags
    hosting: hosting
    instanceMemoryMB: plan.?instanceMemoryMB ?? 2048
    maximumInstanceCount: plan.?maximumInstanceCount ?? 40
    alwaysReady: plan.?alwaysReady ?? []
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    topicEndpoint: topic.outputs.endpoint
    insightsConnection: monitoring.outputs.insightsConnection
    vaults: modesOf(fleet)
    roleOnVaults: roleDefinitionId
    authorities: authorities
    zones: zones
    keysUri: signsAccounts ? keys!.outputs.uri : ''
    cloudSetting: traits.setting
    moreSettings: settings
    keyVaultReferences: keyVaultReferences
    signInClientId: signInClientId
    signInTenantId: signIn.?tenantId ?? tenant().tenantId
    excludeEventWebhook: signIn.?excludeEventWebhook ?? false
    private: networkIsolation
    subnetId: networkIsolation ? subnets!.outputs.integrationSubnetId : ''
  }
  dependsOn: [roles]
}

module endpoints 'endpoints.bicep' = if (networkIsolation && (network.?createEndpoints ?? true)) {
  scope: resourceGroup(groupName)
  params: {
    location: location
    tags: allTags
    subnetId: networkIsolation ? subnets!.outputs.endpointSubnetId : ''
    endpoints: endpointsOf(storage.outputs.id, topic.outputs.id, app.outputs.id, concat(map(vaultsBehindEndpoints, vault => vault.id), signsAccounts ? [keys!.outputs.id] : []))
    zoneIds: networkIsolation ? subnets!.outputs.zoneIds : {}
  }
}

module alerts 'alerts.bicep' = {
  scope: resourceGroup(groupName)
  params: {
    token: token
    location: location
    tags: allTags
    appName: app.outputs.name
    workspaceId: monitoring.outputs.workspaceId
    actionGroupId: monitoring.outputs.actionGroupId
    environmentName: environmentName
  }
}

@description('The resource group; azd deploys to the app in it.')
output AZURE_RESOURCE_GROUP string = groupName

@description('Name of the app.')
output PERENNIAL_APP_NAME string = app.outputs.name

@description('Address of the API.')
output PERENNIAL_APP_URL string = 'https://${app.outputs.hostName}'

@description('What the second deployment, events.bicep, needs to know.')
output PERENNIAL_WIRING wiringType = {
  environmentName: environmentName
  functionAppId: app.outputs.id
  storageAccountId: storage.outputs.id
  byQueue: byQueue
  vaults: subscribedOf(fleet)
}

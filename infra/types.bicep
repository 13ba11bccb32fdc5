metadata description = 'The shapes of parameters that more than one file takes.'

@export()
@description('A vault of the fleet.')
type vaultType = {
  @description('Required. Resource id of an existing vault, in any resource group and subscription of the tenant.')
  id: string

  @description('Optional. `observe` (the default): watched, reported and planned, never written to. `renew`: due certificates are renewed.')
  mode: ('observe' | 'renew')?

  @description('Optional. Resource id of the system topic that the vault has already: Event Grid allows one a source. Without it one is made beside the vault.')
  systemTopicId: string?

  @description('Optional. How an isolated app reaches the vault: `public` (the default), `createPrivateEndpoint`, or `existingPrivateEndpoint` of somebody else.')
  reach: ('public' | 'createPrivateEndpoint' | 'existingPrivateEndpoint')?
}

@export()
@description('A vault to make.')
type newVaultType = {
  @description('Optional. Its name, unique in the cloud; without one none is made.')
  @maxLength(24)
  name: string?

  @description('Optional. Its mode (default: observe).')
  mode: ('observe' | 'renew')?
}

@export()
@description('Parts of the network that somebody else owns. What is given is used, and then none is created.')
type networkType = {
  @description('Optional. Address range of the network that is created; the first half of its first /24 is for the app, the second for private endpoints.')
  addressPrefix: string?

  @description('Optional. Resource id of the subnet for the app, delegated to Microsoft.App/environments (Flex Consumption) or Microsoft.Web/serverFarms (Elastic Premium).')
  integrationSubnetId: string?

  @description('Optional. Resource id of the subnet for private endpoints.')
  endpointSubnetId: string?

  @description('Optional. Resource ids of private DNS zones: blob, queue, table, topic, sites, vault.')
  privateDnsZoneIds: privateDnsZonesType?

  @description('Optional. Whether private DNS zones that are not given are created (default: true). False where a policy of the hub makes the records.')
  createDnsZones: bool?

  @description('Optional. Whether private endpoints are created (default: true).')
  createEndpoints: bool?
}

@export()
@description('Private DNS zones by what is reached.')
type privateDnsZonesType = {
  @description('Optional. Zone of blobs.')
  blob: string?

  @description('Optional. Zone of queues.')
  queue: string?

  @description('Optional. Zone of tables.')
  table: string?

  @description('Optional. Zone of Event Grid topics.')
  topic: string?

  @description('Optional. Zone of function apps.')
  sites: string?

  @description('Optional. Zone of vaults.')
  vault: string?
}

@export()
@description('What the app runs on. Everything has a default.')
type planType = {
  @description('Optional. `flex` (the default): Flex Consumption. `premium`: Elastic Premium, where Flex does not exist.')
  hosting: ('flex' | 'premium')?

  @description('Optional. Memory of an instance of Flex Consumption, in MB (default: 2048).')
  instanceMemoryMB: (512 | 2048)?

  @description('Optional. Most instances (default: 40).')
  @minValue(1)
  @maxValue(1000)
  maximumInstanceCount: int?

  @description('Optional. Instances that run without being woken, which cost without end (default: none).')
  alwaysReady: alwaysReadyType[]?

  @description('Optional. Redundancy of the storage account (default: Standard_ZRS).')
  storageSku: ('Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS')?
}

@export()
@description('How people sign in to the API. Without a client id function keys guard it.')
type signInType = {
  @description('Optional. Client id of the app registration.')
  clientId: string?

  @description('Optional. Tenant of the people (default: that of the deployment).')
  tenantId: string?

  @description('Optional. Whether the path of the Event Grid webhook is exempt, so that events are pushed (default: false). Verify on a live app.')
  excludeEventWebhook: bool?
}

@export()
@description('Where logs go and whom alerts reach. Everything has a default.')
type watchingType = {
  @description('Optional. Mail addresses that alerts go to (default: none; then alerts are only seen in the portal).')
  emails: string[]?

  @description('Optional. Resource id of a Log Analytics workspace (default: one is made).')
  workspaceId: string?

  @description('Optional. Days that logs are kept in the workspace that is made (default: 90).')
  @minValue(30)
  @maxValue(730)
  retentionDays: int?

  @description('Optional. Most gigabytes a day that the workspace takes (default: -1, no limit). A full day blinds every alert.')
  dailyQuotaGb: int?

  @description('Optional. Whether audit logs of the vaults go to the workspace (default: true).')
  vaultAuditLogs: bool?
}

@export()
@description('A CA, member by member as the setting PERENNIAL_AUTHORITIES takes it: see docs/acme.md.')
type authorityType = {
  @description('Required. What the tag perennial-issuer says.')
  @minLength(1)
  @maxLength(40)
  name: string

  @description('Optional. `acme` (the default), or `external`: a person or an agent brings the chain.')
  kind: ('acme' | 'external')?

  @description('Optional. Address of the ACME directory.')
  directory: string?

  @description('Optional. Addresses of the people behind the account, as mailto:.')
  contact: string[]?

  @description('Optional. Whether a person has read and accepts the terms of service; an ACME account is made only then.')
  agree_terms: bool?

  @description('Optional. Profile to order.')
  profile: string?

  @description('Optional. Common name of the issuer of the chain that is preferred.')
  chain: string?

  @description('Optional. Name of the key of the account.')
  key: string?

  @description('Optional. External account binding: id of the key.')
  eab_key_id: string?

  @description('Optional. External account binding: NAME of the app setting PERENNIAL_SECRET_NAME with the key.')
  eab_secret: string?

  @description('Optional. Limits of the CA, such as { orders: \'300/3h\' }.')
  limits: object?

  @description('Optional. Common name of the root that chains of an external CA must lead to.')
  root: string?

  @description('Optional. What a person is to order, and where.')
  instructions: string?
}

@export()
@description('A zone of the DNS that TXT values may be written to, as the setting PERENNIAL_ZONES takes it: see docs/acme.md.')
type zoneType = {
  @description('Required. Name of the zone.')
  @minLength(1)
  zone: string

  @description('Required. Who keeps it: `azure`, `rfc2136` or `acme-dns`.')
  provider: string

  @description('Optional. What the provider needs to know; of `azure` the members subscription and resource_group, which also say where a role is given.')
  options: object?
}

@export()
@description('A private endpoint to be.')
type endpointType = {
  @description('Required. What is reached: a group id of Private Link.')
  group: 'blob' | 'queue' | 'table' | 'topic' | 'sites' | 'vault'

  @description('Required. Resource id of what is reached.')
  targetId: string
}

@export()
@description('An app that runs without being woken.')
type alwaysReadyType = {
  @description('Required. The scale group: `http`, or `function:` and the name of a function.')
  name: string

  @description('Required. How many instances.')
  instanceCount: int
}

@export()
@description('A vault whose events the second deployment subscribes to.')
type subscribedVaultType = {
  @description('Required. Name of the vault.')
  vault: string

  @description('Required. Resource id of its system topic.')
  systemTopicId: string
}

@export()
@description('All that the second deployment needs to know from the first.')
type wiringType = {
  @description('Required. Name of the environment.')
  environmentName: string

  @description('Required. Resource id of the function app.')
  functionAppId: string

  @description('Required. Resource id of the storage account.')
  storageAccountId: string

  @description('Required. Whether events go to the storage queue instead of the functions.')
  byQueue: bool

  @description('Required. The vaults.')
  vaults: subscribedVaultType[]
}

metadata description = 'The app on Elastic Premium, for clouds and regions without Flex Consumption.'

@description('Required. Name of the app.')
param siteName string

@description('Required. Name of the plan.')
param planName string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

@description('Required. Resource id of the identity.')
param identityId string

@description('Required. Most instances.')
param maximumInstanceCount int

@description('Required. App settings.')
param settings object

@description('Required. Whether only private endpoints lead in.')
param private bool

@description('Required. Subnet of the app; empty: none.')
param subnetId string

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'elastic'
  sku: {
    name: 'EP1'
    tier: 'ElasticPremium'
  }
  properties: {
    reserved: true
    maximumElasticWorkerCount: min(maximumInstanceCount, 20)
  }
}

resource site 'Microsoft.Web/sites@2024-11-01' = {
  name: siteName
  location: location
  tags: union(tags, { 'azd-service-name': 'app' }) // how azd finds what it deploys to
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    outboundVnetRouting: {
      allTraffic: !empty(subnetId)
    }
    siteConfig: {
      ftpsState: 'Disabled'
      functionsRuntimeScaleMonitoringEnabled: !empty(subnetId)
      http20Enabled: true
      linuxFxVersion: 'PYTHON|3.13'
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      appSettings: [
        for setting in items(settings): {
          name: setting.key
          value: setting.value
        }
      ]
    }
  }
}

@description('Resource id of the app.')
output id string = site.id

@description('Name of the app.')
output name string = site.name

@description('Host name of the app.')
output hostName string = site.properties.defaultHostName

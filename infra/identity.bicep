metadata description = 'The identity that the app has everywhere: it alone signs in to storage, vaults, the topic and Application Insights.'

@description('Required. Name of the identity.')
param name string

@description('Required. Region.')
param location string

@description('Required. Tags.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id of the identity.')
output id string = identity.id

@description('Object id of its service principal: roles are given to it.')
output principalId string = identity.properties.principalId

@description('Client id: the app asks for tokens with it.')
output clientId string = identity.properties.clientId

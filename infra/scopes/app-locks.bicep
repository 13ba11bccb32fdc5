metadata description = 'What keeps the app shut: no passwords for deployment, and sign-in with Entra ID where it is configured.'

@description('Required. Name of the app.')
param siteName string

@description('Required. Client id of the app registration; empty: no sign-in.')
param signInClientId string

@description('Required. Tenant of the people who sign in.')
param signInTenantId string

@description('Required. Paths that need no sign-in.')
param excludedPaths string[]

resource site 'Microsoft.Web/sites@2024-11-01' existing = {
  name: siteName
}

resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: site
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noScm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: site
  name: 'scm'
  properties: {
    allow: false
  }
}

// The app's own routes decide by the roles in the token; here it is only made sure that there is one.
resource signIn 'Microsoft.Web/sites/config@2024-11-01' = if (!empty(signInClientId)) {
  parent: site
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
      excludedPaths: excludedPaths
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: signInClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${signInTenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            signInClientId
            'api://${signInClientId}'
          ]
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}

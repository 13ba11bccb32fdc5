metadata description = 'The event subscriptions of one vault: three event types, to the functions or to the queue; what cannot be delivered is kept.'

@description('Required. Name of the environment: two installations may listen to one vault.')
param environmentName string

@description('Required. Name of the system topic.')
param systemTopicName string

@description('Required. Resource id of the function app.')
param functionAppId string

@description('Required. Resource id of the storage account.')
param storageAccountId string

@description('Required. Whether events go to the storage queue.')
param byQueue bool

var prefix = 'perennial-${uniqueString(environmentName, functionAppId)}'
var doors = [
  {
    eventType: 'Microsoft.KeyVault.CertificateNearExpiry'
    function: 'certificate_near_expiry'
    name: 'near-expiry'
  }
  {
    eventType: 'Microsoft.KeyVault.CertificateNewVersionCreated'
    function: 'certificate_new_version'
    name: 'new-version'
  }
  {
    eventType: 'Microsoft.KeyVault.CertificateExpired'
    function: 'certificate_expired'
    name: 'expired'
  }
]

resource systemTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: systemTopicName
}

// Pushed to the function that the event is for; Event Grid looks up the key of the Functions host by itself.
resource pushed 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [
  for door in doors: if (!byQueue) {
    parent: systemTopic
    name: '${prefix}-${door.name}'
    properties: {
      destination: {
        endpointType: 'AzureFunction'
        properties: {
          resourceId: '${functionAppId}/functions/${door.function}'
          maxEventsPerBatch: 1
          preferredBatchSizeInKilobytes: 64
        }
      }
      eventDeliverySchema: 'CloudEventSchemaV1_0'
      filter: {
        includedEventTypes: [
          door.eventType
        ]
      }
      retryPolicy: {
        eventTimeToLiveInMinutes: 1440
        maxDeliveryAttempts: 30
      }
      deadLetterWithResourceIdentity: {
        identity: {
          type: 'SystemAssigned'
        }
        deadLetterDestination: {
          endpointType: 'StorageBlob'
          properties: {
            resourceId: storageAccountId
            blobContainerName: 'dead-letter'
          }
        }
      }
    }
  }
]

// Event Grid cannot push to a private endpoint, nor past a sign-in: then the app fetches events from the queue.
resource queued 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = if (byQueue) {
  parent: systemTopic
  name: '${prefix}-queue'
  properties: {
    deliveryWithResourceIdentity: {
      identity: {
        type: 'SystemAssigned'
      }
      destination: {
        endpointType: 'StorageQueue'
        properties: {
          resourceId: storageAccountId
          queueName: 'vault-events'
          queueMessageTimeToLiveInSeconds: 604800
        }
      }
    }
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: map(doors, door => door.eventType)
    }
    retryPolicy: {
      eventTimeToLiveInMinutes: 1440
      maxDeliveryAttempts: 30
    }
    deadLetterWithResourceIdentity: {
      identity: {
        type: 'SystemAssigned'
      }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: storageAccountId
          blobContainerName: 'dead-letter'
        }
      }
    }
  }
}

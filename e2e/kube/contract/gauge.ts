/** A custom resource with columns of every type and selectable fields; each group of cases posts one in an API group of its own. */

export const gaugePath = (group: string, namespace: string): string => `/apis/${group}.isthmus.dev/v1/namespaces/${namespace}/gauges`;

export const gaugeDefinition = (group: string): object => ({
  metadata: { name: `gauges.${group}.isthmus.dev` },
  spec: {
    group: `${group}.isthmus.dev`, scope: 'Namespaced', names: { kind: 'Gauge', plural: 'gauges', singular: 'gauge', shortNames: ['gg'], categories: ['all'] },
    versions: [{
      name: 'v1', served: true, storage: true, subresources: { status: {} },
      selectableFields: [{ jsonPath: '.spec.colour' }, { jsonPath: '.spec.size' }, { jsonPath: '.spec.on' }],
      additionalPrinterColumns: [
        { name: 'Size', type: 'integer', jsonPath: '.spec.size', description: 'How big.' },
        { name: 'Ratio', type: 'number', jsonPath: '.spec.ratio' },
        { name: 'On', type: 'boolean', jsonPath: '.spec.on', priority: 1 },
        { name: 'Since', type: 'date', jsonPath: '.spec.since' },
        { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
        { name: 'Ports', type: 'string', jsonPath: '.spec.ports[*].port' },
        { name: 'Whole', type: 'string', jsonPath: '.spec.ports' },
        { name: 'Wrong', type: 'integer', jsonPath: '.spec.colour' },
        { name: 'Hidden', type: 'string', format: 'password', jsonPath: '.spec.colour', priority: 2 },
        { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      ],
      schema: {
        openAPIV3Schema: {
          type: 'object', description: 'A gauge.',
          properties: {
            spec: {
              type: 'object', description: 'What it measures.',
              properties: {
                size: { type: 'integer', minimum: 0 }, ratio: { type: 'number' }, on: { type: 'boolean' }, colour: { type: 'string', default: 'grey' }, since: { type: 'string', format: 'date-time' },
                ports: {
                  type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['port'],
                  items: { type: 'object', required: ['port'], properties: { port: { type: 'integer' }, target: { 'x-kubernetes-int-or-string': true } } },
                },
              },
            },
            status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          },
        },
      },
    }],
  },
});

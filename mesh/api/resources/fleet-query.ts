/** FleetQuery: a query of the fleet with a name. */
import { z } from 'zod';
import { conditionsSchema } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

export const fleetQuerySpec = z.object({
  query: z.string().max(4096).default('').describe('As "isthmus fleet query" takes it, for example region=europe,!frozen order by last-change; empty: every cluster.'),
  description: z.string().max(1024).default('').describe('What it is for.'),
  columns: z.array(z.string().min(1).max(316)).max(64).default([]).describe('Keys to show of each cluster; empty: the usual ones.'),
});

const fleetQueryStatus = z.object({ observedGeneration: z.int().optional(), conditions: conditionsSchema.optional() });
export type FleetQueryObject = ResourceObject<z.infer<typeof fleetQuerySpec>, z.infer<typeof fleetQueryStatus>>;

/** Condition: `Valid` (False: the message points at the column). Asked by `isthmus fleet query @NAME` and by `Inquiry.spec.query.saved`. */
export const FleetQuery = defineResource({
  kind: 'FleetQuery', plural: 'fleetqueries',
  description: 'A query of the fleet with a name, for everybody to ask.',
  spec: fleetQuerySpec, status: fleetQueryStatus,
  printColumns: [
    { name: 'Query', type: 'string', jsonPath: '.spec.query' },
    { name: 'Valid', type: 'string', jsonPath: '.status.conditions[?(@.type=="Valid")].status' },
    { name: 'Description', type: 'string', jsonPath: '.spec.description', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});

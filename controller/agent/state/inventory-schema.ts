/** Inventories as they come back from the cluster or the disk. */
import { z } from 'zod';
import type { Inventory } from '../../../mesh/bundle/inventory.ts';

export const inventorySchema = z.object({
  schema: z.literal(1), package: z.string(), version: z.string(), digest: z.string(), generation: z.int().min(0), phase: z.enum(['Applying', 'Applied', 'Removing']), reached: z.int().min(0), parts: z.int().min(0),
  objects: z.array(z.object({ apiVersion: z.string(), kind: z.string(), namespace: z.string(), name: z.string(), how: z.enum(['made', 'adopted', 'fields', 'hook']), part: z.string() })).max(5000),
  hooks: z.record(z.string(), z.object({ generation: z.int().min(0), job: z.string(), outcome: z.enum(['intended', 'made', 'completed', 'failed']), since: z.number(), message: z.string() })),
});

/** undefined: no inventory, or a damaged one. */
export function readInventory(text: string | undefined): Inventory | undefined {
  try {
    return inventorySchema.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

/** Inquiry: a question to the hub's records or to an agent, answered in its status. */
import { z } from 'zod';
import { timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

const inquirySpec = z.object({
  history: z.object({ cluster: z.string().max(63).optional(), field: z.string().max(256).optional(), limit: z.int().min(1).max(500).default(100) }).optional(),
  run: z.object({ name: z.string().max(253) }).optional(),
  drill: z.object({ name: z.string().max(253) }).optional(),
  dns: z.object({ name: z.string().max(253), type: z.string().max(16).default('A'), from: z.string().max(63) }).optional(),
}).meta({ 'x-kubernetes-validations': [{ rule: '[has(self.history), has(self.run), has(self.drill), has(self.dns)].filter(x, x).size() == 1', message: 'ask exactly one thing' }] });

const inquiryStatus = z.object({
  answeredAt: timestamp,
  /** JSON text; its shape depends on the question (`mesh/api/resources/inquiry-answers.ts`). */
  answer: z.string().max(1_000_000).optional(),
  error: z.string().max(4096).optional(),
});
export type InquiryObject = ResourceObject<z.infer<typeof inquirySpec>, z.infer<typeof inquiryStatus>>;

/** Asked by creating one, answered in its status, deleted by who asked; the hub deletes what is older than 60 s. Who may ask is Kubernetes RBAC. */
export const Inquiry = defineResource({
  kind: 'Inquiry', plural: 'inquiries',
  description: 'A question to the hub\'s records or to an agent.',
  spec: inquirySpec, status: inquiryStatus,
  printColumns: [{ name: 'Answered', type: 'string', jsonPath: '.status.answeredAt' }],
});

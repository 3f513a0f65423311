/** What a match expression can ask of a key: Kubernetes' operators, and comparisons. */
export const SELECTOR_OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Ge', 'Lt', 'Le'] as const;

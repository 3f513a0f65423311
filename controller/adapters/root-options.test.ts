import { expect, test } from 'vitest';
import { certManagerOf, type RootOptions } from './root-options.ts';

test.each<[RootOptions, object | undefined]>([
  [{}, undefined],
  [{ root: 'offline' }, undefined],
  [{ root: 'cert-manager', certManagerIssuer: 'bank-ca' }, { name: 'bank-ca', kind: 'ClusterIssuer', group: 'cert-manager.io' }],
  [{ root: 'cert-manager', certManagerIssuer: 'pca', certManagerIssuerKind: 'AWSPCAClusterIssuer', certManagerIssuerGroup: 'awspca.cert-manager.io' }, { name: 'pca', kind: 'AWSPCAClusterIssuer', group: 'awspca.cert-manager.io' }],
])('%j', (options, expected) => expect(certManagerOf(options)).toEqual(expected));

test.each<[RootOptions, RegExp]>([
  [{ certManagerIssuer: 'bank-ca' }, /for --root=cert-manager/],
  [{ root: 'offline', certManagerIssuerGroup: 'x.example' }, /for --root=cert-manager/],
  [{ root: 'cert-manager' }, /give --cert-manager-issuer/],
  [{ root: 'cert-manager', certManagerIssuer: 'Bank CA' }, /is no name/],
  [{ root: 'cert-manager', certManagerIssuer: 'x', certManagerIssuerKind: 'Vault' }, /give ClusterIssuer or Issuer/],
  [{ root: 'cert-manager', certManagerIssuer: 'x', certManagerIssuerKind: 'not a kind', certManagerIssuerGroup: 'x.example' }, /give ClusterIssuer or Issuer/],
  [{ root: 'cert-manager', certManagerIssuer: 'x', certManagerIssuerKind: 'Own', certManagerIssuerGroup: 'No Group' }, /is no API group/],
])('refuses %j', (options, sentence) => expect(() => certManagerOf(options)).toThrow(sentence));

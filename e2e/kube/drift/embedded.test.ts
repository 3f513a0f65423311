import { embeddedSubject } from '../contract/embedded.ts';
import { driftScenarios } from './scenarios.ts';

driftScenarios('the embedded API', embeddedSubject);

import { LabIcon } from '@jupyterlab/ui-components';

import gauge from '../style/icons/gauge.svg';

export const gaugeIcon = new LabIcon({ name: 'asksage:gauge', svgstr: gauge });

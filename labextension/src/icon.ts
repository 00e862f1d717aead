import { LabIcon } from '@jupyterlab/ui-components';

const svgstr = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M12 4A10 10 0 0 0 3.34 19h2.38a8 8 0 1 1 12.56 0h2.38A10 10 0 0 0 12 4z"/>
    <path d="M16.9 8.3 10.7 13.1a2 2 0 1 0 2.6 2.6z"/>
  </g>
</svg>`;

export const gaugeIcon = new LabIcon({ name: 'asksage:gauge', svgstr });

// What every page loads: one module, after the page. The page is whole without it.
import { setUpDisclosures } from './disclosure.js';
import { watchPlots } from './plots.js';

setUpDisclosures(document);
watchPlots(document);

import 'uplot/dist/uPlot.min.css';
import uPlot from 'uplot';

export async function draw(plot) {
  void uPlot;
  void plot;
}

// Buttons that show and hide what their data-bs-target names, in Bootstrap Italia's
// markup: the sections of an accordion, and the menu on a phone.
//
// The server sends accordions open, so that nothing is hidden without a script; here
// they are closed, but for those that the address points into.

const targetOf = (button) => {
  const selector = button.dataset.bsTarget || '';
  return selector.startsWith('#') ? document.getElementById(selector.slice(1)) : null;
};
const isOpen = (button) => button.getAttribute('aria-expanded') === 'true';

function setSection(button, section, open) {
  button.setAttribute('aria-expanded', String(open));
  button.classList.toggle('collapsed', !open);
  section.classList.toggle('show', open);
}

function setUpSections(root) {
  const wanted = root.querySelector(':target');
  for (const button of root.querySelectorAll('[data-bs-toggle="collapse"]')) {
    const section = targetOf(button);
    if (!section) continue;
    setSection(button, section, Boolean(wanted && section.contains(wanted)));
    button.addEventListener('click', () => setSection(button, section, !isOpen(button)));
  }
}

// On a phone the menu lies over the page. Escape, its close button, the shade beside it
// and walking out of it with the keyboard close it.
function setUpMenu(button) {
  const menu = targetOf(button);
  if (!menu) return;
  const set = (open) => {
    button.setAttribute('aria-expanded', String(open));
    menu.style.display = open ? 'block' : '';
    menu.classList.toggle('expanded', open);
    document.body.classList.toggle('navbar-open', open);
  };
  const close = () => {
    set(false);
    button.focus();
  };
  set(false);
  button.addEventListener('click', () => {
    set(true);
    menu.querySelector('button, a')?.focus();
  });
  for (const closer of menu.querySelectorAll('.close-menu, .close-div button, .overlay'))
    closer.addEventListener('click', close);
  menu.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && isOpen(button)) close();
  });
  menu.addEventListener('focusout', ({ relatedTarget }) => {
    if (relatedTarget && isOpen(button) && !menu.contains(relatedTarget)) set(false);
  });
}

export function setUpDisclosures(root) {
  setUpSections(root);
  for (const button of root.querySelectorAll('[data-bs-toggle="navbarcollapsible"]')) setUpMenu(button);
}

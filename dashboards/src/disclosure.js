// Buttons that show and hide what their data-bs-target names, in Bootstrap Italia's
// markup: the sections of an accordion, and the menu on a phone.
//
// The server sends accordions open, so that nothing is hidden without a script; here
// they are closed, but for those that the address points into.

const targetOf = (button) => {
  const selector = button.dataset.bsTarget;
  return selector?.startsWith('#') ? document.getElementById(selector.slice(1)) : null;
};

function set(button, target, open) {
  button.setAttribute('aria-expanded', String(open));
  button.classList.toggle('collapsed', !open);
  target.classList.toggle('show', open);
}

const isOpen = (button) => button.getAttribute('aria-expanded') === 'true';

function setUpAccordions(root) {
  const wanted = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
  for (const button of root.querySelectorAll('[data-bs-toggle="collapse"]')) {
    const target = targetOf(button);
    if (!target) continue;
    set(button, target, Boolean(wanted && (target === wanted || target.contains(wanted))));
    button.addEventListener('click', () => set(button, target, !isOpen(button)));
  }
}

// The menu opens over the page; Escape and its own close button close it.
function setUpMenu(root) {
  for (const button of root.querySelectorAll('[data-bs-toggle="navbarcollapsible"]')) {
    const menu = targetOf(button);
    if (!menu) continue;
    const toggle = (open) => {
      set(button, menu, open);
      menu.classList.toggle('expanded', open);
      (open ? menu.querySelector('a, button') : button)?.focus();
    };
    button.addEventListener('click', () => toggle(!isOpen(button)));
    menu.querySelector('.close-menu')?.addEventListener('click', () => toggle(false));
    menu.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && isOpen(button)) toggle(false);
    });
  }
}

export function setUpDisclosures(root) {
  setUpAccordions(root);
  setUpMenu(root);
}

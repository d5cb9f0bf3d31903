// Buttons marked data-copy="id of a field" put that field's text on the clipboard.
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    return; // plain http has no clipboard: the text is selected, Ctrl+C does the rest
  }
  button.querySelector("span").textContent = button.dataset.sayCopied;
});

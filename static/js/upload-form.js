// The form of the upload page: its button asks for files, and they go at once.
import { change, submit } from "./choosing.js";

for (const [name, act] of Object.entries({ change, submit })) {
  document.addEventListener(name, (event) => {
    if (!event.target.closest("[data-upload-form]")) return;
    event.preventDefault();
    act(event.target);
  });
}

// The entry point downhill/images: pictures as data, changed at random by seed while they are fed.
export { type AugmentOptions, augment } from "./data/augment.ts";
export {
  type Augmentation,
  brightness,
  type CropOptions,
  contrast,
  cutout,
  type FillOptions,
  horizontalFlip,
  type ImageDraws,
  noise,
  randomCrop,
  rotate,
  shift,
  verticalFlip,
  zoom,
} from "./data/augmentations.ts";
export { type DecodeOptions, decodeImage, imageField } from "./data/decode-image.ts";
export { type Image, type ImageSize, resizeImage } from "./data/image.ts";

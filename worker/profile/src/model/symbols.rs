//! Interns names from outside: each different one is cleaned once, and functions are told apart by what is left. Knows no
//! format.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{Frame, Function};
use crate::{ProfileError, name};

/// What a function without a name is called.
const UNKNOWN: &str = "[unknown]";

/// The functions and frames that were seen. Names are borrowed from the file while it is read.
pub(crate) struct Symbols<'a> {
    max: usize,
    /// Raw names, and what they are when cleaned: as the name of a function, or as another text.
    raw: HashMap<(bool, &'a [u8]), u32, RandomState>,
    clean: HashMap<Arc<str>, u32, RandomState>,
    texts: Vec<Arc<str>>,
    /// By the numbers of name, file and module.
    index: HashMap<(u32, u32, u32), u32, RandomState>,
    functions: Vec<(u32, u32, u32, u32)>,
    frames: Vec<Frame>,
    numbers: HashMap<Frame, u32, RandomState>,
}

/// What a frame is in a file.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Raw<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) file: &'a [u8],
    pub(crate) module: &'a [u8],
    /// 0: not known.
    pub(crate) start_line: u32,
}

impl<'a> Symbols<'a> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            raw: HashMap::default(),
            clean: HashMap::default(),
            texts: Vec::new(),
            index: HashMap::default(),
            functions: Vec::new(),
            frames: Vec::new(),
            numbers: HashMap::default(),
        }
    }

    /// The function's number; the same for the same name, file and module, of which the first of the start lines counts.
    pub(crate) fn function(&mut self, raw: Raw<'a>) -> Result<u32, ProfileError> {
        let key = (self.known(raw.name, true), self.known(raw.file, false), self.known(raw.module, false));
        self.numbered(key, raw.start_line)
    }

    /// As [`Self::function`], of names that aren't in the file as they are, or not often.
    pub(crate) fn rare(&mut self, raw: Raw<'_>) -> Result<u32, ProfileError> {
        let key = (self.text(raw.name, true), self.text(raw.file, false), self.text(raw.module, false));
        self.numbered(key, raw.start_line)
    }

    fn numbered(&mut self, key: (u32, u32, u32), start_line: u32) -> Result<u32, ProfileError> {
        if let Some(known) = self.index.get(&key) {
            if let Some((.., start)) = self.functions.get_mut(*known as usize).filter(|_| start_line > 0) {
                *start = if *start == 0 { start_line } else { start_line.min(*start) };
            }
            return Ok(*known);
        }
        let number = self.next(self.functions.len(), "functions")?;
        self.functions.push((key.0, key.1, key.2, start_line));
        self.index.insert(key, number);
        Ok(number)
    }

    /// The frame's number; the same for the same function and line.
    pub(crate) fn frame(&mut self, function: u32, line: u32) -> Result<u32, ProfileError> {
        let frame = Frame { function, line };
        if let Some(known) = self.numbers.get(&frame) {
            return Ok(*known);
        }
        let number = self.next(self.frames.len(), "different frames")?;
        self.frames.push(frame);
        self.numbers.insert(frame, number);
        Ok(number)
    }

    pub(crate) fn finish(self) -> (Vec<Function>, Vec<Frame>) {
        let (empty, unknown): (Arc<str>, Arc<str>) = ("".into(), UNKNOWN.into());
        let text = |number: u32| self.texts.get(number as usize).map_or_else(|| empty.clone(), Arc::clone);
        let functions = self.functions.iter().map(|(name, file, module, start_line)| Function {
            name: Some(text(*name)).filter(|name| !name.is_empty()).unwrap_or_else(|| unknown.clone()),
            file: text(*file),
            module: text(*module),
            start_line: *start_line,
        });
        (functions.collect(), self.frames)
    }

    fn next(&self, used: usize, what: &'static str) -> Result<u32, ProfileError> {
        let next = u32::try_from(used).ok().filter(|_| used < self.max);
        next.ok_or(ProfileError::TooMany { what, limit: self.max })
    }

    fn known(&mut self, raw: &'a [u8], is_function: bool) -> u32 {
        let key = (is_function, name::head(raw));
        if let Some(known) = self.raw.get(&key) {
            return *known;
        }
        let number = self.text(raw, is_function);
        self.raw.insert(key, number);
        number
    }

    fn text(&mut self, raw: &[u8], is_function: bool) -> u32 {
        let clean = if is_function { name::of_function(raw) } else { name::shown(raw) };
        // Each of the `max` functions has three texts: their numbers fit.
        let next = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        *self.clean.entry(clean.into()).or_insert_with_key(|clean| {
            self.texts.push(Arc::clone(clean));
            next
        })
    }
}

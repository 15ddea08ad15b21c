//! What must be looked at before a PDF is read, because it could not be caught afterwards: the reader follows parents
//! and nested drawings without counting, and a stack that overflows ends the process; and a small file can unpack to
//! more than there is memory.

use std::collections::HashMap;
use std::io::{Read, copy, sink};

use flate2::read::ZlibDecoder;
use pdf_extract::{Dictionary, Document, Object, ObjectId, Stream};

/// Bytes that all packed streams may have together when unpacked.
const MOST_UNPACKED: u64 = 256 << 20;
/// Parents that a page may have, and drawings inside each other.
const DEEPEST: usize = 32;

/// Whether the packed streams of a file unpack to something that fits. Looks at the bytes alone: unpacking is the first
/// thing that reading a PDF does.
pub(super) fn unpacks_to_a_fitting_size(bytes: &[u8]) -> bool {
    let mut left = MOST_UNPACKED;
    let mut rest = bytes;
    while let Some(at) = find(rest, b"stream") {
        rest = rest.get(at + b"stream".len()..).unwrap_or_default();
        let data = rest.strip_prefix(b"\r").unwrap_or(rest);
        let data = data.strip_prefix(b"\n").unwrap_or(data);
        // What is not packed, or packed otherwise, ends at once with an error and has no size.
        let mut unpacked = ZlibDecoder::new(data).take(left + 1);
        let size = copy(&mut unpacked, &mut sink()).unwrap_or_else(|_| left + 1 - unpacked.limit());
        match left.checked_sub(size) {
            Some(less) => left = less,
            None => return false,
        }
    }
    true
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Whether every page comes to an end when its parents are followed.
pub(super) fn parents_end(document: &Document) -> bool {
    document.get_pages().into_values().all(|page| {
        let parent =
            |id: &ObjectId| document.get_dictionary(*id).ok()?.get(b"Parent").ok()?.as_reference().ok();
        std::iter::successors(Some(page), parent).nth(DEEPEST).is_none()
    })
}

/// Empties drawings (form XObjects) that hold themselves, or more levels of others than any real one.
pub(super) fn empty_endless_drawings(document: &mut Document) {
    let drawings: HashMap<ObjectId, Vec<ObjectId>> = document
        .objects
        .iter()
        .filter_map(|(id, object)| Some((*id, held_by(document, *id, object.as_stream().ok()?))))
        .collect();
    let mut depths = HashMap::new();
    let endless: Vec<ObjectId> =
        drawings.keys().filter(|id| depth(**id, &drawings, &mut depths, 0) > DEEPEST).copied().collect();
    for id in endless {
        document.objects.insert(id, Object::Stream(Stream::new(Dictionary::new(), Vec::new())));
    }
}

/// The XObjects that a stream names; itself if it draws what somebody else's resources name.
fn held_by(document: &Document, id: ObjectId, stream: &Stream) -> Vec<ObjectId> {
    let dictionary = |object: &Object| document.dereference(object).ok()?.1.as_dict().ok().cloned();
    let resources = stream.dict.get(b"Resources").ok().and_then(dictionary);
    let Some(resources) = resources else {
        let form =
            stream.dict.get(b"Subtype").is_ok_and(|kind| kind.as_name().is_ok_and(|name| name == b"Form"));
        let content = stream.decompressed_content().unwrap_or_else(|_| stream.content.clone());
        return if form && find(&content, b"Do").is_some() { vec![id] } else { Vec::new() };
    };
    let named = resources.get(b"XObject").ok().and_then(dictionary).unwrap_or_default();
    named.iter().filter_map(|(_, object)| object.as_reference().ok()).collect()
}

/// Levels below a drawing; more than [`DEEPEST`] for one without an end.
fn depth(
    id: ObjectId,
    drawings: &HashMap<ObjectId, Vec<ObjectId>>,
    known: &mut HashMap<ObjectId, usize>,
    above: usize,
) -> usize {
    if above > DEEPEST {
        return DEEPEST + 1;
    }
    if let Some(depth) = known.get(&id) {
        return *depth;
    }
    // Whoever comes back here while it is being counted has found a circle.
    known.insert(id, DEEPEST + 1);
    let below =
        drawings.get(&id).into_iter().flatten().map(|inner| depth(*inner, drawings, known, above + 1)).max();
    let depth = below.map_or(0, |below| (below + 1).min(DEEPEST + 1));
    known.insert(id, depth);
    depth
}

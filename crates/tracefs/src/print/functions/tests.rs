use super::{Argument, FUNCTIONS, Function};
use crate::Abi;
use alloc::string::String;
use alloc::vec::Vec;

#[test]
fn names_are_sorted_and_once_each() {
    assert!(FUNCTIONS.is_sorted_by(|a, b| a.0 < b.0));
    assert!(super::super::constants::CONSTANTS.is_sorted_by(|a, b| a.0 < b.0));
}

/// What a function writes; nothing if it cannot.
fn call(name: &str, args: &[Argument<'_>]) -> Option<String> {
    let at = FUNCTIONS
        .binary_search_by_key(&name, |(name, _)| name)
        .unwrap();
    let Function::Text(call) = FUNCTIONS[at].1 else {
        panic!("{name} gives a number");
    };
    let mut text = String::new();
    match call(args, &mut text) {
        Ok(()) => Some(text),
        Err(_) => {
            assert_eq!(text, "", "{name} fails with half a text");
            None
        }
    }
}

fn text(name: &str, args: &[u64]) -> String {
    let args: Vec<_> = args.iter().map(|&n| Argument::Number(n)).collect();
    call(name, &args).unwrap()
}

fn bytes(bytes: &[u8]) -> Argument<'_> {
    Argument::Bytes(bytes, Abi::LE64)
}

#[test]
fn registers_are_spelled_as_the_kernel_does() {
    assert_eq!(
        text("xhci_decode_portsc", &[0, 0x0e02_1203]),
        "Powered Connected Enabled Link:U0 PortSpeed:4 Change: CSC Wake: WCE WDE WOE "
    );
    assert_eq!(
        text(
            "xhci_decode_slot_context",
            &[0, 0x0840_0001, 0x0003_0000, 0, 0x1000_0002]
        ),
        "RS 00001 super-speed Ctx Entries 1 MEL 0 us Port# 3/0 [TT Slot 0 Port# 0 TTT 0 Intr 0] Addr 2 State addressed"
    );
    assert_eq!(
        text(
            "xhci_decode_ep_context",
            &[0, 0x0003_0001, 0x0040_0026, 0x1234_5001, 8]
        ),
        "State running mult 1 max P. Streams 0 interval 1000 us max ESIT payload 0 CErr 3 Type Ctrl burst 0 maxp 64 deq 0000000012345001 avg trb len 8"
    );
    assert_eq!(
        text("xhci_decode_ctrl_ctx", &[0, 8, 3]),
        "Drop: 1in, Add: slot ep0"
    );
    assert_eq!(text("xhci_decode_doorbell", &[0, 1, 3]), "Slot 1 ep1in");
    assert_eq!(
        text("libata_trace_parse_status", &[0x51]),
        "{ DRDY DSC ERR }"
    );
    assert_eq!(
        text("libata_trace_parse_qc_flags", &[3]),
        "3{ ACTIVE DMAMAP }"
    );
    assert_eq!(text("libata_trace_parse_eh_action", &[6]), "6{ RESET }");
    assert_eq!(
        text("libata_trace_parse_subcmd", &[0x65, 0, 0x21]),
        " READ_LOG_DMA_EXT"
    );
    assert_eq!(
        text("libata_trace_parse_subcmd", &[0x63, 5, 0]),
        " SET_FEATURES"
    );
    assert_eq!(text("libata_trace_parse_subcmd", &[0xec, 0, 0]), "");
    assert_eq!(text("dwc3_trb_type_string", &[0x60]), "isoc-first");
    assert_eq!(text("mc_event_error_type", &[1]), "Uncorrected");
    assert_eq!(text("cper_severity_str", &[9]), "unknown");
}

#[test]
fn transfer_request_blocks() {
    let block = |words: [u64; 4]| {
        let [a, b, c, d] = words;
        text("xhci_decode_trb", &[0, 500, a, b, c, d])
    };
    assert_eq!(
        block([0x1234_5000, 1, 0x0040_0008, 0x0000_0421]),
        "Buffer 0000000112345000 length 8 TD size 0 intr 1 type 'Normal' flags b:i:I:c:s:i:e:C"
    );
    assert_eq!(
        block([0x0100_0680, 0x0012_0000, 8, 0x0003_0841]),
        "bRequestType 80 bRequest 06 wValue 0100 wIndex 0000 wLength 18 length 8 TD size 0 intr 0 \
         type 'Setup Stage' flags I:i:C"
    );
    assert_eq!(
        block([0x1000, 0, 0x0100_0000, 0x0103_8001]),
        "TRB 0000000000001000 status 'Success' len 0 slot 1 ep 3 type 'Transfer Event' flags e:C"
    );
    assert_eq!(
        block([0x2000, 0, 0, 0x1802]),
        "LINK 0000000000002000 intr 0 type 'Link' flags i:c:T:c"
    );
    assert_eq!(
        block([0x3001, 0, 0, 0x0201_4000]),
        "Set TR Dequeue Pointer Command: deq 0000000000003001 stream 0 slot 2 ep 1 flags c"
    );
    assert_eq!(block([0, 0, 0, 0x2400]), "Enable Slot Command: flags c");
    assert_eq!(
        block([1, 2, 3, 0xfc00]),
        "type 'UNKNOWN' -> raw 00000001 00000002 00000003 0000fc00"
    );
}

#[test]
fn scsi_commands() {
    let command = |cdb: &[u8]| {
        let args = [
            Argument::Unknown,
            bytes(cdb),
            Argument::Number(cdb.len() as u64),
        ];
        call("scsi_trace_parse_cdb", &args)
    };
    let text = |cdb: &[u8]| command(cdb).unwrap();
    assert_eq!(text(&[0x08, 0x21, 2, 3, 0, 0]), "lba=66051 txlen=256");
    assert_eq!(
        text(&[0x28, 0x20, 0, 0, 1, 0, 0, 0, 8, 0]),
        "lba=256 txlen=8 protect=1"
    );
    assert_eq!(
        text(&[0x41, 0x08, 0, 0, 1, 0, 0, 0, 8, 0]),
        "lba=256 txlen=8 protect=0 unmap=1"
    );
    assert_eq!(
        text(&[0x8a, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
        "lba=72057594037927936 txlen=256 protect=0"
    );
    assert_eq!(text(&[0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0]), "regions=1");
    assert_eq!(
        text(&[0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]),
        "REPORT_TARGET_PORT_GROUPS alloc_len=512"
    );
    assert_eq!(text(&[0xa3, 0x1f, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]), "UNKNOWN");
    assert_eq!(
        text(&[0x95, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 1, 0, 0x81, 0]),
        "REPORT_ZONES zone=9 alloc_len=256 options=1 partial=1"
    );
    let mut long = [0; 32];
    (long[0], long[9], long[10], long[19], long[31]) = (0x7f, 0x0d, 0x48, 5, 6);
    assert_eq!(
        text(&long),
        "WRITE_SAME_32 lba=5 txlen=6 protect=2 ei_lbrt=0 unmap=1"
    );
    assert_eq!(text(&[0x00]), "-");
    assert_eq!(command(&[]), None);
    assert_eq!(command(&[0x28, 0, 0]), None);
}

#[test]
fn nvme_commands() {
    let mut rest = [0; 24];
    (rest[0], rest[3], rest[8], rest[11], rest[12]) = (7, 8, 15, 4, 2);
    let command = |name, code| {
        call(
            name,
            &[Argument::Unknown, Argument::Number(code), bytes(&rest)],
        )
    };
    let text = |name, code| command(name, code).unwrap();
    assert_eq!(
        text("nvme_trace_parse_nvm_cmd", 2),
        "slba=134217735, len=15, ctrl=0x400, dsmgmt=2, reftag=0"
    );
    assert_eq!(
        text("nvme_trace_parse_admin_cmd", 9),
        "fid=0x7, sv=0x8, cdw11=0x0"
    );
    assert_eq!(
        text("nvme_trace_parse_admin_cmd", 0x80),
        "lbaf=7, mset=0, pi=0, pil=0, ses=0"
    );
    assert_eq!(
        text("nvme_trace_parse_fabrics_cmd", 5),
        "spsp0=00, spsp1=00, secp=08, tl=0"
    );
    let dump = "07 00 00 08 00 00 00 00 0f 00 00 04 02 00 00 00 00 00 00 00 00 00 00 00";
    assert_eq!(
        text("nvmet_trace_parse_admin_cmd", 0x80),
        alloc::format!("cdw10={dump}")
    );
    assert_eq!(
        text("nvmet_trace_parse_fabrics_cmd", 9),
        alloc::format!("specific={dump}")
    );
    let short = [Argument::Unknown, Argument::Number(2), bytes(&rest[..20])];
    assert_eq!(call("nvme_trace_parse_nvm_cmd", &short), None);
}

#[test]
fn usb_requests_and_events() {
    let request = |kind, request, value, index, length| {
        text(
            "usb_decode_ctrl",
            &[0, 500, kind, request, value, index, length],
        )
    };
    assert_eq!(
        request(0x80, 6, 0x0100, 0, 18),
        "Get Device Descriptor(Index = 0, Length = 18)"
    );
    assert_eq!(
        request(0x00, 3, 2, 4, 0),
        "Set Device Feature(Test Mode: TEST_PACKET)"
    );
    assert_eq!(
        request(0x02, 1, 0, 0x81, 0),
        "Clear Endpoint Feature(Halt ep1in)"
    );
    assert_eq!(request(0, 5, 7, 0, 0), "Set Address(Addr = 07)");
    assert_eq!(
        request(0x21, 0x20, 0x0102, 0x0304, 7),
        "21 20 02 01 04 03 07 00"
    );
    let event = |event, state| text("dwc3_decode_event", &[0, 500, event, state]);
    assert_eq!(event(0x0004_0301, 0), "Link Change [SS.Disabled]");
    assert_eq!(
        event(0x0000_c040, 1),
        "ep0out: Transfer Complete (sIL) [Setup Phase]"
    );
    assert_eq!(
        event(0x0005_90c2, 0),
        "ep0in: Transfer Not Ready [00000005] (Active) [Data Phase]"
    );
    assert_eq!(event(0x0007_1184, 0), "ep1out:  Stream 7 Found");
    assert_eq!(
        text("dwc3_gadget_ep_cmd_string", &[0x106]),
        "Start Transfer"
    );
    assert_eq!(
        text("dwc3_ep_cmd_status_string", &[(-110i64) as u64]),
        "Timed Out"
    );
    assert_eq!(
        text("dwc3_gadget_generic_cmd_string", &[0x0d]),
        "Set Endpoint Prime"
    );
    assert_eq!(text("dwc3_gadget_generic_cmd_status_string", &[1]), "Error");
    assert_eq!(text("ucsi_cmd_str", &[0x1_0012]), "GET_CONNECTOR_STATUS");
    assert_eq!(text("ucsi_cmd_str", &[0x7f]), "Unknown command");
    assert_eq!(text("ucsi_recipient_str", &[2]), "plug (prime)");
    assert_eq!(call("ucsi_recipient_str", &[Argument::Number(4)]), None);
}

#[test]
fn structures_of_hardware() {
    let mut packet = [0; 12];
    (packet[0], packet[4], packet[8], packet[9]) = (3, 1, 5, 0x20);
    let show = |kind, count| {
        let args = [
            Argument::Unknown,
            Argument::Number(kind),
            bytes(&packet),
            Argument::Number(count),
        ];
        call("show_data", &args)
    };
    assert_eq!(
        show(1, 3).unwrap(),
        "route=300000001, offset=0x5, len=1, port=0, config=0, seq=0, \
         data=[0x00000003, 0x00000001, 0x00002005]"
    );
    assert_eq!(show(8, 1).unwrap(), "route=300000001, data=[0x00000003]");
    assert_eq!(show(1, 4), None);
    assert_eq!(
        text("parse_sdma_flags", &[0, 1 << 63, 0x2312]),
        "I-F- amode:1 aidx:3 alen:1"
    );
    let words = [Argument::Unknown, bytes(&packet[..8]), Argument::Number(2)];
    assert_eq!(call("print_u32_array", &words).unwrap(), "0x3 0x1");
    assert_eq!(
        text(
            "decode_prq_descriptor",
            &[0, 256, 0x10_0001_0008_0201, 0x1009, 7, 8]
        ),
        "rid=0x8 addr=0x1 r-x-- pasid=0x1 index=0x1 private=0x7/0x8\n"
    );
    assert_eq!(text("xen_hypercall_name", &[26]), "(mmuext_op)");
    assert_eq!(text("xen_hypercall_name", &[48]), "(mca)");
    assert_eq!(text("xen_hypercall_name", &[99]), "");
    assert_eq!(text("snd_pcm_direction_name", &[0]), "Playback");
}

fn flow(enabled: u64, mask: &[u8], value: &[u8]) -> Option<String> {
    let (mask, value, none) = (bytes(mask), bytes(value), bytes(&[0; 64]));
    let (p, enabled) = (Argument::Unknown, Argument::Number(enabled));
    call(
        "parse_fs_hdrs",
        &[p, enabled, mask, mask, none, value, value, none],
    )
}

#[test]
fn flow_matches() {
    let (mut mask, mut value) = ([0; 64], [0; 64]);
    mask[6..8].fill(0xff);
    value[6..8].copy_from_slice(&[8, 0]);
    mask[44..48].fill(0xff);
    value[44..48].copy_from_slice(&[10, 0, 0, 1]);
    mask[16] = 0xff;
    value[16] = 6;
    mask[22..24].fill(0xff);
    value[22..24].copy_from_slice(&[1, 0xbb]);
    assert_eq!(
        flow(5, &mask, &value).unwrap(),
        "[outer] ethertype=0800 src_ipv4=10.0.0.1 ip_protocol=06 tcp_dport=443 [inner] "
    );
    assert_eq!(
        flow(2, &mask, &value).unwrap(),
        "[misc] gre_key=100663296 source_port=2048 vxlan_vni=1 "
    );
    assert_eq!(flow(1, &mask[..60], &value), None);
    mask[32..48].fill(0xff);
    value[6..8].copy_from_slice(&[0x86, 0xdd]);
    mask[0..6].fill(0xff);
    value[2..6].copy_from_slice(&[2, 3, 4, 5]);
    assert!(flow(1, &mask, &value).unwrap().starts_with(
        "[outer] smac=05:04:03:02:00:00 ethertype=86dd \
                 src_ipv6=0000:0000:0000:0000:0000:0000:0a00:0001 "
    ));
}

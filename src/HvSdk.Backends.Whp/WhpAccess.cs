namespace HvSdk.Backends.Whp;

/// <summary>What the next entry of a vCPU completes.</summary>
internal enum WhpAccess
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>A port read or write that is no string instruction: RAX and RIP are all that it changes.</summary>
    Port,

    /// <summary>An access of an instruction that the emulator is in the middle of.</summary>
    Emulated,

    /// <summary>RDMSR.</summary>
    ReadMsr,

    /// <summary>WRMSR.</summary>
    WriteMsr,

    /// <summary>A hypercall.</summary>
    Hypercall,
}

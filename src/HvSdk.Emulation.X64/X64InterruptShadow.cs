namespace HvSdk.Emulation;

/// <summary>Why external interrupts wait for one instruction (Intel SDM vol. 3A, 6.8.1 and 6.8.3).</summary>
[Flags]
public enum X64InterruptShadow
{
    /// <summary>They do not.</summary>
    None = 0,

    /// <summary>After STI.</summary>
    Sti = 1,

    /// <summary>After a load of SS.</summary>
    MovSs = 2,
}

namespace HvSdk.Emulation;

/// <summary>An access that the caller of <see cref="X64Emulator.Run{TMachine}"/> must do, and its data.</summary>
public readonly ref struct X64EmulatedAccess
{
    internal X64EmulatedAccess(bool isPort, bool isWrite, ulong address, Span<byte> data)
    {
        IsPort = isPort;
        IsWrite = isWrite;
        Address = address;
        Data = data;
    }

    /// <summary>True for a port, false for memory.</summary>
    public bool IsPort { get; }

    /// <summary>True where the guest writes.</summary>
    public bool IsWrite { get; }

    /// <summary>The port's number, or the guest physical address.</summary>
    public ulong Address { get; }

    /// <summary>How many bytes: 1, 2 or 4 for a port; 1 to 8 for memory, never across a 4 KiB page.</summary>
    public int Size => Data.Length;

    /// <summary>What the guest writes; or, for a read, where the caller puts what the guest shall get before it calls Run again.</summary>
    public Span<byte> Data { get; }
}

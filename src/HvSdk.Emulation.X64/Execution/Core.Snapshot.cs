namespace HvSdk.Emulation;

/// <summary>What brings an instruction of many parts back to its start.</summary>
internal sealed partial class Core
{
    private readonly ulong[] _savedGpr = new ulong[18];
    private readonly X64Segment[] _savedSegments = new X64Segment[8];
    private ulong _savedFlags;

    /// <summary>Keeps the registers; from here on the instruction may change them before its last fault.</summary>
    internal void Begin()
    {
        Gpr.AsSpan().CopyTo(_savedGpr);
        Segments.AsSpan().CopyTo(_savedSegments);
        _savedFlags = State.Flags;
        LogsRam = true;
    }

    /// <summary>Takes the registers back.</summary>
    internal void Undo()
    {
        _savedGpr.AsSpan().CopyTo(Gpr);
        _savedSegments.AsSpan().CopyTo(Segments);
        State.Flags = _savedFlags;
        Refresh();
    }
}

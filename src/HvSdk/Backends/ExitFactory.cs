namespace HvSdk.Backends;

/// <summary>Makes the exits that a backend gives to the core. A backend decodes its host's exit block into one of these, and tests make them by hand.</summary>
public static class ExitFactory
{
    /// <summary>An access to an I/O port.</summary>
    /// <param name="isWrite">True where the guest writes.</param>
    /// <param name="port">The port.</param>
    /// <param name="data">The exit block's bytes: size times count.</param>
    /// <param name="count">How many accesses follow each other.</param>
    public static VcpuExit Port(bool isWrite, ushort port, Span<byte> data, int count) =>
        new(isWrite ? VcpuExitKind.PortWrite : VcpuExitKind.PortRead, port, data, count, 0, 0, default, default);

    /// <summary>An access to a GPA without memory.</summary>
    /// <param name="isWrite">True where the guest writes.</param>
    /// <param name="address">The GPA.</param>
    /// <param name="data">The exit block's bytes, 1 to 8.</param>
    public static VcpuExit Mmio(bool isWrite, ulong address, Span<byte> data) =>
        new(isWrite ? VcpuExitKind.MmioWrite : VcpuExitKind.MmioRead, address, data, 1, 0, 0, default, default);

    /// <summary>An access to a system register.</summary>
    /// <param name="isWrite">True where the guest writes.</param>
    /// <param name="index">The register.</param>
    /// <param name="data">The 8 bytes of its value.</param>
    /// <param name="fault">A byte that a handler sets to refuse the access.</param>
    public static VcpuExit Register(bool isWrite, uint index, Span<byte> data, Span<byte> fault) =>
        new(isWrite ? VcpuExitKind.RegisterWrite : VcpuExitKind.RegisterRead, index, data, 1, 0, 0, default, fault);

    /// <summary>A call from the guest.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="result">The 8 bytes of its result.</param>
    /// <param name="arguments">Its arguments, 8 bytes each.</param>
    public static VcpuExit Hypercall(ulong number, Span<byte> result, ReadOnlySpan<byte> arguments) =>
        new(VcpuExitKind.Hypercall, number, result, 1, 0, 0, arguments, default);

    /// <summary>A request to the platform.</summary>
    /// <param name="kind">What is asked.</param>
    /// <param name="rawKind">The host's number for it.</param>
    /// <param name="raw">The host's data.</param>
    public static VcpuExit SystemEvent(SystemEventKind kind, uint rawKind, ReadOnlySpan<byte> raw) =>
        new(VcpuExitKind.SystemEvent, 0, default, 0, (int)kind, rawKind, raw, default);

    /// <summary>A breakpoint or a step.</summary>
    /// <param name="cause">What stopped the vCPU.</param>
    /// <param name="address">Linear address of the instruction.</param>
    /// <param name="breakpointIndex">Which hardware breakpoint.</param>
    /// <param name="raw">The host's data.</param>
    public static VcpuExit Debug(DebugCause cause, ulong address, int breakpointIndex, ReadOnlySpan<byte> raw) =>
        new(VcpuExitKind.Debug, address, default, breakpointIndex, (int)cause, 0, raw, default);

    /// <summary>An instruction that the host cannot emulate.</summary>
    /// <param name="instruction">Its bytes, or none.</param>
    /// <param name="rawReason">The host's number.</param>
    /// <param name="raw">The host's data.</param>
    public static VcpuExit EmulationFailure(Span<byte> instruction, uint rawReason, ReadOnlySpan<byte> raw) =>
        new(VcpuExitKind.EmulationFailure, 0, instruction, 0, 0, rawReason, raw, default);

    /// <summary>An exit that is told by its kind and one number: an address, a vector, a priority.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="address">The number.</param>
    /// <param name="rawReason">The host's number for the reason.</param>
    /// <param name="raw">The host's data.</param>
    public static VcpuExit Plain(VcpuExitKind kind, ulong address = 0, uint rawReason = 0, ReadOnlySpan<byte> raw = default) =>
        new(kind, address, default, 0, 0, rawReason, raw, default);
}

namespace HvSdk.Samples.Sandbox;

/// <summary>What runs, on what, and what it may take.</summary>
public sealed record SandboxOptions
{
    /// <summary>The program and its arguments, such as <c>["/usr/bin/sort", "/input/names"]</c>.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>The root file system, such as debootstrap makes. It is never written: each run has its own changes, in the guest's memory.</summary>
    public required string Root { get; init; }

    /// <summary>The kernel, a bzImage with virtio, virtiofs and overlay as modules of the initial RAM disk.</summary>
    public required string Kernel { get; init; }

    /// <summary>The initial RAM disk: busybox and modules, as tests/guests/build.sh makes it. The sandbox adds its own init.</summary>
    public required string InitialRamDisk { get; init; }

    /// <summary>A folder that the command reads as /input, or null.</summary>
    public string? Input { get; init; }

    /// <summary>A folder that the command writes as /output, or null.</summary>
    public string? Output { get; init; }

    /// <summary>How long it may take, the boot included.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Bytes of memory of the whole machine. Who takes more is killed inside, and ends with 137.</summary>
    public ulong Memory { get; init; } = 256 << 20;

    /// <summary>Processors.</summary>
    public int Processors { get; init; } = 1;

    /// <summary>Bytes that it may leave in <see cref="Output"/>.</summary>
    public long MaxOutputFolder { get; init; } = 1L << 30;

    /// <summary>Bytes that are kept of what it writes to standard output, and of standard error; what comes after them is dropped.</summary>
    public int MaxText { get; init; } = 1 << 20;
}

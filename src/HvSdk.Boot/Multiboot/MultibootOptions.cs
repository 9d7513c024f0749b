namespace HvSdk.Boot;

/// <summary>What a multiboot kernel is given.</summary>
public sealed record MultibootOptions
{
    /// <summary>The command line.</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>The modules, in order.</summary>
    public IReadOnlyList<BootModule> Modules { get; init; } = [];

    /// <summary>What the kernel is told of who loaded it.</summary>
    public string LoaderName { get; init; } = "HvSdk";
}

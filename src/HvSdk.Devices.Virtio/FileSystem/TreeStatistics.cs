namespace HvSdk.Devices.Virtio;

/// <summary>How full a tree is: what <c>df</c> shows.</summary>
/// <param name="BlockSize">Bytes of a block.</param>
/// <param name="Blocks">Blocks in all.</param>
/// <param name="FreeBlocks">Blocks that are free.</param>
/// <param name="Nodes">Nodes that there can be.</param>
/// <param name="FreeNodes">Nodes that can be made.</param>
public readonly record struct TreeStatistics(uint BlockSize, ulong Blocks, ulong FreeBlocks, ulong Nodes, ulong FreeNodes);

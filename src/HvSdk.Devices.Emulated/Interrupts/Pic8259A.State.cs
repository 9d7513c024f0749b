namespace HvSdk.Devices.Emulated;

/// <content>State.</content>
internal sealed partial class Pic8259A
{
    internal Pic8259AState SaveState() => new()
    {
        Requests = _requests,
        InService = _inService,
        Mask = _mask,
        Lines = _lines,
        EdgeLevel = _edgeLevel,
        VectorBase = _vectorBase,
        LowestPriority = _lowest,
        InitializationStep = _step,
        IsLevelTriggered = _allLevel,
        IsSingle = _isSingle,
        ExpectsIcw4 = _expectsIcw4,
        AutomaticEnd = _autoEnd,
        RotatesOnAutomaticEnd = _rotatesOnAutoEnd,
        SpecialMask = _specialMask,
        SpecialFullyNested = _fullyNested,
        Polls = _polls,
        ReadsInService = _readsInService,
    };

    internal void LoadState(Pic8259AState state)
    {
        _requests = state.Requests;
        _inService = state.InService;
        _mask = state.Mask;
        _lines = state.Lines;
        _edgeLevel = (byte)(state.EdgeLevel & _levelCapable);
        _vectorBase = (byte)(state.VectorBase & 0xF8);
        _lowest = state.LowestPriority;
        _step = state.InitializationStep;
        _allLevel = state.IsLevelTriggered;
        _isSingle = state.IsSingle;
        _expectsIcw4 = state.ExpectsIcw4;
        _autoEnd = state.AutomaticEnd;
        _rotatesOnAutoEnd = state.RotatesOnAutomaticEnd;
        _specialMask = state.SpecialMask;
        _fullyNested = state.SpecialFullyNested;
        _polls = state.Polls;
        _readsInService = state.ReadsInService;
        FollowLevels();
    }
}
